# SPDX-License-Identifier: ISC
# bash completion of mxwatch(1): /usr/share/bash-completion/completions/mxwatch
# Names of domains and incidents are asked of the daemon, where it can be reached.

_mxwatch_names() { # domains | incidents
	case $1 in
	domains) mxwatch list ${socket:+-s "$socket"} --json 2>/dev/null | sed -n 's/^{"domain":"\([^"]*\)".*/\1/p' ;;
	incidents) mxwatch incidents ${socket:+-s "$socket"} --json 2>/dev/null | sed -n 's/^{"id":"\([^"]*\)".*/\1/p' ;;
	esac
}

_mxwatch() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} verb=${COMP_WORDS[1]}
	local verbs='check lint explain tlsa status list incidents history diff ack silence recheck queue
		reload config route test-alert export backup version help'
	local socket= words= i
	for ((i = 2; i < COMP_CWORD; i++)); do
		[[ ${COMP_WORDS[i]} == -s ]] && socket=${COMP_WORDS[i + 1]}
	done
	if ((COMP_CWORD == 1)); then
		COMPREPLY=($(compgen -W "$verbs --help --version" -- "$cur"))
		return
	fi
	case $prev in
	-s | --socket | -c | --config | --trust-anchor | --ca-file)
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
	esac
	if [[ -n $words ]]; then
		COMPREPLY=($(compgen -W "$words" -- "$cur"))
		return
	fi
	local common='-s --json --no-color --help'
	case $verb in
	check) words='-c --json --format --explain --quiet --no-color --resolver --trust-anchor --ca-file
		--allow-private --only --skip --timeout --help' ;;
	lint)
		words='--json --mx --no-color --help'
		((COMP_CWORD == 2)) && words="mta-sts-record mta-sts-policy tls-rpt-record tls-rpt-report
			tlsa-record watchlist $words"
		[[ $cur != -* ]] && ((COMP_CWORD > 2)) && COMPREPLY=($(compgen -f -- "$cur")) && return
		;;
	explain) words='--all --format --help' ;;
	tlsa) words='--port --resolver --trust-anchor --allow-private --timeout --help' ;;
	list) words="--state $common" ;;
	incidents) words="--state $common" ;;
	status | recheck | diff) words=$common ;;
	history) words="--limit $common" ;;
	ack) words="--reason --author $common" ;;
	silence) words="add list expire --reason --author $common" ;;
	queue) words="retry $common" ;;
	reload) words="--wait --force $common" ;;
	config) words="show --origin -c $common" ;;
	route) words="test --severity --event -c $common" ;;
	test-alert) words="--reason --author $common" ;;
	export) words="--format $common" ;;
	backup)
		COMPREPLY=($(compgen -f -- "$cur"))
		return
		;;
	help) words=$verbs ;;
	esac
	if [[ $cur != -* ]]; then
		case $verb in
		status | recheck | diff | history | list) words="$words $(_mxwatch_names domains)" ;;
		config | route) ((COMP_CWORD > 2)) && words="$words $(_mxwatch_names domains)" ;;
		ack) words="$words $(_mxwatch_names incidents)" ;;
		esac
	fi
	COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -F _mxwatch mxwatch
