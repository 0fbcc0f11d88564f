# Counts each $request_time of an nginx log by hour: mawk -f nginx.awk -f hours.awk FILE
BEGIN { FS = "\"" }
{ record(substr($1, index($1, "[") + 13, 2), int(substr($7, 2) * 1000 + 0.5)) }
