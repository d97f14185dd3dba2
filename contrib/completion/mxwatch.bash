# SPDX-License-Identifier: ISC
# bash completion of mxwatch(1): /usr/share/bash-completion/completions/mxwatch
# Options are read from the help of the verb; names of domains and incidents are asked of the
# daemon, where it can be reached.

_mxwatch_domains() {
	timeout 2 mxwatch list ${socket:+-s "$socket"} --json ${cur:+"$cur"} 2>/dev/null </dev/null |
		sed -n 's/^{"domain":"\([^"]*\)".*/\1/p'
}

_mxwatch_incidents() {
	timeout 2 mxwatch incidents ${socket:+-s "$socket"} --json 2>/dev/null </dev/null |
		sed -n 's/^{"id":"\([^"]*\)".*/\1/p'
}

_mxwatch() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} verb=${COMP_WORDS[1]}
	local verbs='check lint explain tlsa status list incidents history diff ack silence recheck queue
		reload config route test-alert export backup version help'
	local socket= words= place=0 i
	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		COMPREPLY=($(compgen -W "$verbs --help --version" -- "$cur"))
		return
	fi
	for ((i = 2; i < COMP_CWORD; i++)); do # how many arguments stand before this one
		case ${COMP_WORDS[i]} in
		-s | --socket) socket=${COMP_WORDS[++i]} ;;
		-c | --config | --format | --state | --group | --owner | --since | --until | --limit | \
			--reason | --author | --severity | --event | --mx | --only | --skip | --resolver | \
			--trust-anchor | --ca-file | --from-file | --timeout | --port) ((++i)) ;;
		-*) ;;
		*) ((++place)) ;;
		esac
	done
	case $prev in
	-s | --socket | -c | --config | --trust-anchor | --ca-file | --from-file)
		COMPREPLY=($(compgen -f -- "$cur"))
		return
		;;
	--state)
		words='ok warning critical unknown pending'
		[[ $verb == incidents ]] && words='open closed all'
		;;
	--format)
		words='text json nagios prometheus'
		[[ $verb == export ]] && words='json csv html prometheus'
		[[ $verb == explain ]] && words='text markdown'
		;;
	--severity) words='info warning critical' ;;
	--event) words=$(mxwatch explain --all 2>/dev/null | sed -n 's/^\([a-z0-9_.]*\): .*/\1/p') ;;
	--port) words='25 465 587' ;;
	--group | --owner | --since | --until | --limit | --reason | --author | --mx | --only | --skip | \
		--resolver | --timeout) return ;;
	esac
	if [[ -n $words ]]; then
		COMPREPLY=($(compgen -W "$words" -- "$cur"))
		return
	fi
	if [[ $cur == -* ]]; then
		words=$(mxwatch "$verb" --help 2>/dev/null | grep -oE -e '--[a-z][a-z-]*' | sort -u)
		COMPREPLY=($(compgen -W "$words --help" -- "$cur"))
		return
	fi
	case $verb:$place in
	status:0 | recheck:0 | diff:0 | history:0 | list:0 | config:1 | route:1 | silence:1)
		words=$(_mxwatch_domains) ;;
	check:*) words=$(_mxwatch_domains) ;;
	ack:0) words=$(_mxwatch_incidents) ;;
	explain:*) words=$(mxwatch explain --all 2>/dev/null | sed -n 's/^\([a-z0-9_.]*\): .*/\1/p') ;;
	lint:0) words='mta-sts-record mta-sts-policy tls-rpt-record tls-rpt-report tlsa-record watchlist' ;;
	silence:0) words='add list expire' ;;
	queue:0) words=retry ;;
	config:0) words=show ;;
	route:0) words=test ;;
	help:0) words=$verbs ;;
	lint:1 | backup:0)
		COMPREPLY=($(compgen -f -- "$cur"))
		return
		;;
	esac
	COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -F _mxwatch mxwatch
