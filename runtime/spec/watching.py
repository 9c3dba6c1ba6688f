"""What the server and those who steer it have agreed on: `serctl` and `serc trace` have the same bounds, and know the same status."""

from typing import Final

# Calls until a trace ends.
CALLS: Final = 10
CALLS_MAX: Final = 1000
# Seconds until it does.
SECONDS: Final = 600
SECONDS_MAX: Final = 86_400
# Log lines of these calls up to this level. There is nothing above debugging, 4, but `debug=9` is an old habit.
LEVEL: Final = 2
LEVEL_MIN: Final = -3
LEVEL_MAX: Final = 9
# The status before a difference that `reload diff` shows, where what it shows cannot be reloaded.
CANNOT_BE_RELOADED: Final = 409
