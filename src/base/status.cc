// Names of the status codes.
#include "pipit/status.h"

namespace pipit {

const char* status_code_name(StatusCode code) {
  switch (code) {
#define PIPIT_CASE(enumerator, name) \
  case StatusCode::enumerator:       \
    return name;
    PIPIT_STATUS_CODES(PIPIT_CASE)
#undef PIPIT_CASE
  }
  return "internal";
}

}  // namespace pipit
