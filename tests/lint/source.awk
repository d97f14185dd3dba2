# SPDX-License-Identifier: ISC
#
# The rules of the house for one tree of sources (doc/hacking.md): read all files of src/ in
# one run, print "file:line: complaint" for each fault, exit 1 if there was any.
#
# Comments and strings are blanked before anything but includes is looked at.

BEGIN {
	# The floors: whose headers a folder may include besides its own.
	floor["base"] = " "
	floor["core"] = " base "
	floor["ipc"] = " base core "
	floor["os"] = " base "
	floor["adapt"] = " base core ipc os "
	floor["probe"] = floor["adapt"] "adapt "
	floor["proc"] = floor["probe"] "probe "
	floor["cmd"] = floor["proc"] "proc "

	# Foreign libraries: folder/ or folder/file prefixes that may include them.
	owner["jansson.h"] = "core/ ipc/ adapt/ probe/ proc/ cmd/"
	owner["uthash.h"] = owner["utlist.h"] = owner["jansson.h"] " base/ os/"
	owner["event2"] = "ipc/ adapt/ probe/ proc/ cmd/"
	owner["openssl"] = "adapt/"
	owner["curl"] = "adapt/curl_loop adapt/https adapt/hook adapt/mailer"
	owner["getdns"] = "adapt/resolver"
	owner["yaml.h"] = "adapt/yaml_"
	owner["sqlite3.h"] = "adapt/sql adapt/store"
	owner["libesmtp.h"] = owner["auth-client.h"] = "adapt/mailer"
	owner["idn2.h"] = "adapt/idn"
	owner["zlib.h"] = "adapt/gzip"

	banned = "strcpy strcat sprintf vsprintf gets atoi atol atof strtok mktemp tmpnam system popen alloca"
	banned_core = "time getenv printf puts putchar vprintf perror gettimeofday clock_gettime " \
	    "localtime_r localtime srand rand random open fopen read write socket connect sleep " \
	    "log_error log_warning log_info log_debug"
	n_banned = split(banned, ban, " ")
	n_banned_core = split(banned_core, ban_core, " ")
	FUNCTION_MAX = 100
}

function complain(text)
{
	print FILENAME ":" FNR ": " text
	faults++
}

# "src/core/name.c" -> "core" and "core/name.c"
FNR == 1 {
	place = FILENAME
	sub(/^.*src\//, "", place)
	folder = place
	sub(/\/.*/, "", folder)
	in_comment = 0
	body = 0
	if (!(folder in floor))
		complain("folder " folder " has no floor")
	# REUSE-IgnoreStart
	if ($0 !~ /^\/\* SPDX-License-Identifier: ISC/)
	# REUSE-IgnoreEnd
		complain("the first line must be the licence")
	if (place ~ /\.h$/) {
		header = place
		sub(/.*\//, "", header)
		home[header] = folder
	}
}

/^#[ \t]*include/ {
	name = $0
	if (name ~ /"/) {
		split(name, part, "\"")
		quoted[++n_quoted] = part[2]
		quoted_at[n_quoted] = FILENAME ":" FNR
		quoted_from[n_quoted] = folder
	} else if (match(name, /<[^>]*>/)) {
		name = substr(name, RSTART + 1, RLENGTH - 2)
		library = name
		sub(/\/.*/, "", library)
		if (library in owner) {
			ok = 0
			n = split(owner[library], prefix, " ")
			for (i = 1; i <= n; i++)
				if (index(place, prefix[i]) == 1)
					ok = 1
			if (!ok)
				complain("<" name "> is for " owner[library] " only")
		}
	}
	next
}

# What is left of a line without comments and strings.
function code(line,    out, c, two, i, quote)
{
	out = ""
	for (i = 1; i <= length(line); i++) {
		c = substr(line, i, 1)
		two = substr(line, i, 2)
		if (in_comment) {
			if (two == "*/") {
				in_comment = 0
				i++
			}
		} else if (quote != "") {
			if (c == "\\")
				i++
			else if (c == quote)
				quote = ""
		} else if (two == "/*") {
			in_comment = 1
			i++
		} else if (two == "//") {
			break
		} else if (c == "\"" || c == "'") {
			quote = c
		} else {
			out = out c
		}
	}
	return out
}

function calls(text, name)
{
	return text ~ ("(^|[^A-Za-z0-9_.>])" name "[ \t]*\\(")
}

{
	if (/TODO|FIXME/)
		complain("a note to ourselves: do it or leave it out")
	text = code($0)
	if (text != "") {
		for (b = 1; b <= n_banned; b++)
			if (calls(text, ban[b]))
				complain(ban[b] "() is banned")
		if (folder == "core") {
			for (b = 1; b <= n_banned_core; b++)
				if (calls(text, ban_core[b]))
					complain(ban_core[b] "() in core: no I/O, clock, environment or log there")
			if (text ~ /(^|[^A-Za-z0-9_])(stdout|stderr|errno|environ)([^A-Za-z0-9_]|$)/)
				complain("core has no streams, errno or environment")
		}
	}
	if (text ~ /^{/ && before ~ /\)[ \t]*$/)
		body = FNR
	if (text ~ /^}/ && body) {
		if (FNR - body - 1 > FUNCTION_MAX)
			complain("a function of " FNR - body - 1 " lines; " FUNCTION_MAX " are the limit")
		body = 0
	}
	if (text !~ /^[ \t]*$/)
		before = text
}

END {
	for (q = 1; q <= n_quoted; q++) {
		if (quoted[q] == "config.h") {
			if (quoted_from[q] == "core" || quoted_from[q] == "base") {
				print quoted_at[q] ": \"config.h\" is not for " quoted_from[q]
				faults++
			}
			continue
		}
		if (!(quoted[q] in home)) {
			print quoted_at[q] ": \"" quoted[q] "\" is no header of src"
			faults++
			continue
		}
		of = home[quoted[q]]
		if (of != quoted_from[q] && index(floor[quoted_from[q]], " " of " ") == 0) {
			print quoted_at[q] ": \"" quoted[q] "\" is of " of ", above " quoted_from[q]
			faults++
		}
	}
	exit faults > 0
}
