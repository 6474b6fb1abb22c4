// The panel "Statistics".

export function StatisticsPanel() {
  return null;
}
