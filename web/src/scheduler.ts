// Shares one thread among requests: those of one lane run in order, those of different lanes take turns step by step.
import { cancelledError } from './errors.ts';

/**
 * A request as its steps. It yields between them: undefined when it can go on, 'wait' when it has to wait until it was
 * woken once more. What it returns is its answer; `finally` is run also when it is cancelled.
 */
export type Steps<Answer> = Generator<'wait' | undefined, Answer, void>;

export interface Job<Answer> {
  id: number;
  lane: number | string;
  start: () => Steps<Answer>;
}

export interface SchedulerCalls<Answer> {
  /** Resolves after the messages that have arrived were handled. */
  nextTask: () => Promise<void>;
  /** Each job gets exactly one of these. */
  onDone: (id: number, answer: Answer) => void;
  onError: (id: number, error: unknown) => void;
}

interface QueuedJob<Answer> extends Job<Answer> {
  /** Once it has started. */
  steps?: Steps<Answer>;
  isWaiting: boolean;
  /** How often it was woken and did not wait for it yet. */
  wakes: number;
}

export class Scheduler<Answer> {
  readonly #calls: SchedulerCalls<Answer>;
  /** Their jobs, the running one first; the lane whose turn is next comes first. None is empty. */
  readonly #lanes = new Map<Job<Answer>['lane'], QueuedJob<Answer>[]>();
  #isRunning = false;

  constructor(calls: SchedulerCalls<Answer>) {
    this.#calls = calls;
  }

  add(job: Job<Answer>): void {
    const queued = { ...job, isWaiting: false, wakes: 0 };
    const lane = this.#lanes.get(job.lane);
    if (lane) lane.push(queued);
    else this.#lanes.set(job.lane, [queued]);
    void this.#run();
  }

  /** Gives up a job between two of its steps; it is rejected as cancelled. Without effect once it has settled. */
  cancel(id: number): void {
    const job = this.#find(id);
    if (!job) return;
    this.#remove(job);
    let error: unknown = cancelledError('The request');
    try {
      job.steps?.return(undefined as Answer);
    } catch (failure) {
      error = failure;
    }
    this.#calls.onError(id, error);
  }

  /** Lets a job that waits go on, or one that will wait not do so. */
  wake(id: number): void {
    const job = this.#find(id);
    if (!job) return;
    job.wakes++;
    void this.#run();
  }

  #find(id: number): QueuedJob<Answer> | undefined {
    for (const lane of this.#lanes.values()) {
      const job = lane.find((queued) => queued.id === id);
      if (job) return job;
    }
    return undefined;
  }

  #remove(job: QueuedJob<Answer>): void {
    const lane = this.#lanes.get(job.lane)!;
    lane.splice(lane.indexOf(job), 1);
    if (lane.length === 0) this.#lanes.delete(job.lane);
  }

  async #run(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    for (let job = this.#takeTurn(); job; job = this.#takeTurn()) {
      this.#step(job);
      await this.#calls.nextTask();
    }
    this.#isRunning = false;
  }

  /** The job whose turn it is; its lane then waits until the others have had theirs. */
  #takeTurn(): QueuedJob<Answer> | undefined {
    for (const [key, lane] of this.#lanes) {
      const job = lane[0]!;
      if (job.isWaiting && job.wakes === 0) continue;
      this.#lanes.delete(key);
      this.#lanes.set(key, lane);
      return job;
    }
    return undefined;
  }

  #step(job: QueuedJob<Answer>): void {
    if (job.isWaiting) job.wakes--;
    job.isWaiting = false;
    let result: IteratorResult<'wait' | undefined, Answer>;
    try {
      job.steps ??= job.start();
      result = job.steps.next();
    } catch (error) {
      this.#remove(job);
      this.#calls.onError(job.id, error);
      return;
    }
    if (result.done) {
      this.#remove(job);
      this.#calls.onDone(job.id, result.value);
    } else {
      job.isWaiting = result.value === 'wait';
    }
  }
}
