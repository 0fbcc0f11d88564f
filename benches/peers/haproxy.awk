# Counts each total active time (Ta) of a HAProxy httplog by hour: mawk -f haproxy.awk -f hours.awk FILE
# The RFC 3164 prefix is written when a request ends, so its hour is the hour in which the request ended.
split($10, timer, "/") == 5 { record(substr($3, 1, 2), timer[5] + 0) }
