# SPDX-License-Identifier: ISC
# fish completion of mxwatch(1): /usr/share/fish/vendor_completions.d/mxwatch.fish

# The socket that the line names.
function __mxwatch_socket
    set -l words (commandline -opc)
    set -l i (contains -i -- -s $words)
    and printf '%s\n' -s $words[(math $i + 1)]
end

function __mxwatch_domains
    timeout 2 mxwatch list --json (__mxwatch_socket) 2>/dev/null | string replace -rf '^\{"domain":"([^"]*)".*' '$1'
end

function __mxwatch_incidents
    timeout 2 mxwatch incidents --json (__mxwatch_socket) 2>/dev/null | string replace -rf '^\{"id":"([^"]*)".*' '$1'
end

function __mxwatch_names
    mxwatch explain --all 2>/dev/null | string replace -rf '^([a-z0-9_.]+): .*' '$1'
end

set -l asking status list incidents history diff ack silence recheck queue reload config route test-alert export backup
set -l verbs check lint explain tlsa $asking version help
set -l in __fish_seen_subcommand_from

complete -c mxwatch -f
set -l first "not $in $verbs"
complete -c mxwatch -n "$first" -a check -d 'probe now and print the report'
complete -c mxwatch -n "$first" -a lint -d 'parse one policy, record, report or watchlist'
complete -c mxwatch -n "$first" -a explain -d 'what a check looks at, and how to mend it'
complete -c mxwatch -n "$first" -a tlsa -d 'the TLSA records to publish'
complete -c mxwatch -n "$first" -a status -d 'the daemon, or one domain'
complete -c mxwatch -n "$first" -a list -d 'the watched domains'
complete -c mxwatch -n "$first" -a incidents -d 'what is wrong'
complete -c mxwatch -n "$first" -a history -d 'what changed at a domain'
complete -c mxwatch -n "$first" -a diff -d 'the last two states of a domain'
complete -c mxwatch -n "$first" -a ack -d 'say that somebody works on it'
complete -c mxwatch -n "$first" -a silence -d 'tell nobody about what matches'
complete -c mxwatch -n "$first" -a recheck -d 'look at a domain now'
complete -c mxwatch -n "$first" -a queue -d 'notices that are not delivered'
complete -c mxwatch -n "$first" -a reload -d 'read the configuration again'
complete -c mxwatch -n "$first" -a config -d 'what applies to a domain'
complete -c mxwatch -n "$first" -a route -d 'who would be told'
complete -c mxwatch -n "$first" -a test-alert -d 'send a sample'
complete -c mxwatch -n "$first" -a export -d 'everything that is known now'
complete -c mxwatch -n "$first" -a backup -d 'a copy of the state'
complete -c mxwatch -n "$first" -a version -d 'the version'
complete -c mxwatch -n "$first" -a help -d 'help of a command'

complete -c mxwatch -n "$in $asking" -s s -l socket -r -F -d 'socket of the daemon'
complete -c mxwatch -n "$in check lint $asking" -l json -d 'one JSON object a line'
complete -c mxwatch -n "$in check lint $asking" -l no-color -d 'no colour'
complete -c mxwatch -n "$in check explain $asking" -l no-pager -d 'no pager'
complete -c mxwatch -n "$in version" -l json
complete -c mxwatch -n "$in check" -l from-file -r -F -d 'domains, one a line'
complete -c mxwatch -n "$in check tlsa" -l resolver -x
complete -c mxwatch -n "$in check tlsa" -l trust-anchor -r -F
complete -c mxwatch -n "$in check tlsa" -l allow-private
complete -c mxwatch -n "$in check tlsa" -l timeout -x
complete -c mxwatch -n "$in check" -l ca-file -r -F
complete -c mxwatch -n "$in check" -l only -x
complete -c mxwatch -n "$in check" -l skip -x
complete -c mxwatch -n "$in check" -l explain
complete -c mxwatch -n "$in check" -s q -l quiet
complete -c mxwatch -n "$in tlsa" -l port -x -a '25 465 587'
complete -c mxwatch -n "$in lint" -l mx -x
complete -c mxwatch -n "$in explain" -l all
complete -c mxwatch -n "$in explain" -a '(__mxwatch_names)'
complete -c mxwatch -n "$in check status history diff recheck list config route" -a '(__mxwatch_domains)'
complete -c mxwatch -n "$in ack" -a '(__mxwatch_incidents)'
complete -c mxwatch -n "$in lint" -a 'mta-sts-record mta-sts-policy tls-rpt-record tls-rpt-report tlsa-record watchlist' -F
complete -c mxwatch -n "$in list" -l state -x -a 'ok warning critical unknown pending'
complete -c mxwatch -n "$in incidents" -l state -x -a 'open closed all'
complete -c mxwatch -n "$in list" -l group -x
complete -c mxwatch -n "$in list" -l owner -x
complete -c mxwatch -n "$in history diff" -l since -x
complete -c mxwatch -n "$in diff" -l until -x
complete -c mxwatch -n "$in recheck" -l no-wait
complete -c mxwatch -n "$in history" -l limit -x
complete -c mxwatch -n "$in ack silence test-alert" -l reason -x
complete -c mxwatch -n "$in ack silence test-alert" -l author -x
complete -c mxwatch -n "$in silence" -a 'add list expire'
complete -c mxwatch -n "$in queue" -a retry
complete -c mxwatch -n "$in reload" -l wait
complete -c mxwatch -n "$in reload" -l force
complete -c mxwatch -n "$in config" -a show
complete -c mxwatch -n "$in config" -l origin
complete -c mxwatch -n "$in route" -a test
complete -c mxwatch -n "$in route" -l severity -x -a 'info warning critical'
complete -c mxwatch -n "$in route" -l event -x -a '(__mxwatch_names)'
complete -c mxwatch -n "$in config route check" -s c -r -F
complete -c mxwatch -n "$in export" -l format -x -a 'json csv html prometheus'
complete -c mxwatch -n "$in check" -l format -x -a 'text json nagios prometheus'
complete -c mxwatch -n "$in explain" -l format -x -a 'text markdown'
complete -c mxwatch -n "$in backup" -F
