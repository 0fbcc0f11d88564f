#!/bin/sh
# For machines with iptables: makes the sets of `logstat ban emit --format ipset`, and the rules that use them. Run it
# once at start, before `ipset restore`; running it again changes nothing.
set -eu

# As logstat makes them: a set that is there with another maxelem is refused.
maxelem=${LOGSTAT_MAXELEM:-1048576}
for family in 4:inet 6:inet6; do
    number=${family%%:*}
    ipset create "logstat$number" hash:ip family "${family#*:}" maxelem "$maxelem" timeout 0 -exist
    ipset create "logstat$number-net" hash:net family "${family#*:}" maxelem "$maxelem" timeout 0 -exist
done

for set in logstat4 logstat4-net; do
    rule="INPUT -p tcp -m multiport --dports 80,443 -m set --match-set $set src -j DROP"
    iptables -C $rule 2>/dev/null || iptables -I $rule
done
for set in logstat6 logstat6-net; do
    rule="INPUT -p tcp -m multiport --dports 80,443 -m set --match-set $set src -j DROP"
    ip6tables -C $rule 2>/dev/null || ip6tables -I $rule
done
