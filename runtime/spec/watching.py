"""What may be asked for by who watches calls or sets the log level: the server, `serctl` and `serc trace` have the same bounds."""

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
