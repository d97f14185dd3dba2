/* SPDX-License-Identifier: ISC */
#include "stamp.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define FIRST INT64_C(-62135596800) /* 0001-01-01T00:00:00Z */
#define LAST  INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

#define MINUTE 60
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define WEEK   (7 * DAY)
#define YEAR   (365 * DAY)

static const struct {
	char letter;
	int64_t seconds;
} units[] = {{'y', YEAR}, {'w', WEEK}, {'d', DAY}, {'h', HOUR}, {'m', MINUTE}, {'s', 1}};

#define N_UNITS (sizeof(units) / sizeof(units[0]))

const char *stamp_format(char out[STAMP_TEXT], int64_t at)
{
	struct tm tm;
	time_t t = (time_t)(at < FIRST ? FIRST : at > LAST ? LAST : at);
	gmtime_r(&t, &tm);
	snprintf(out, STAMP_TEXT, "%04u-%02u-%02uT%02u:%02u:%02uZ", (unsigned)tm.tm_year + 1900,
		 (unsigned)tm.tm_mon + 1, (unsigned)tm.tm_mday, (unsigned)tm.tm_hour,
		 (unsigned)tm.tm_min, (unsigned)tm.tm_sec);
	return out;
}

/* Exactly n digits at *s, at most max; -1 if not. */
static int digits(const char **s, int n, int max)
{
	int v = 0;
	for (int i = 0; i < n; i++, (*s)++) {
		if (**s < '0' || **s > '9')
			return -1;
		v = v * 10 + (**s - '0');
	}
	return v <= max ? v : -1;
}

static bool literal(const char **s, char c)
{
	if (**s != c)
		return false;
	(*s)++;
	return true;
}

static bool parse_date(const char **s, struct tm *tm)
{
	int year = digits(s, 4, 9999);
	if (year < 1 || !literal(s, '-'))
		return false;
	int month = digits(s, 2, 12);
	if (month < 1 || !literal(s, '-'))
		return false;
	int day = digits(s, 2, 31);
	if (day < 1)
		return false;
	tm->tm_year = year - 1900;
	tm->tm_mon = month - 1;
	tm->tm_mday = day;
	return true;
}

/* HH:MM[:SS[.fraction]]; the fraction is dropped. */
static bool parse_time(const char **s, struct tm *tm)
{
	tm->tm_hour = digits(s, 2, 23);
	if (tm->tm_hour < 0 || !literal(s, ':'))
		return false;
	tm->tm_min = digits(s, 2, 59);
	if (tm->tm_min < 0)
		return false;
	if (!literal(s, ':'))
		return true;
	tm->tm_sec = digits(s, 2, 60); /* RFC 3339 section 5.7: a leap second is 60 */
	if (tm->tm_sec < 0)
		return false;
	if (!literal(s, '.'))
		return true;
	size_t n = strspn(*s, "0123456789");
	*s += n;
	return n > 0;
}

/* "Z", "+HH:MM" or "-HH:MM" as seconds east of UTC. */
static bool parse_offset(const char **s, int64_t *east)
{
	*east = 0;
	if (literal(s, 'Z') || literal(s, 'z'))
		return true;
	int sign = literal(s, '+') ? 1 : literal(s, '-') ? -1 : 0;
	if (sign == 0)
		return false;
	int hours = digits(s, 2, 23);
	if (hours < 0 || !literal(s, ':'))
		return false;
	int minutes = digits(s, 2, 59);
	if (minutes < 0)
		return false;
	*east = sign * (hours * HOUR + minutes * MINUTE);
	return true;
}

bool stamp_parse(const char *s, int64_t *at)
{
	struct tm tm = {0};
	int64_t east = 0;

	if (!parse_date(&s, &tm))
		return false;
	int day = tm.tm_mday;
	struct tm date = tm;
	timegm(&date);
	if (date.tm_mday != day) /* 30 February */
		return false;
	if (*s != '\0') {
		if (!literal(&s, 'T') && !literal(&s, 't') && !literal(&s, ' '))
			return false;
		if (!parse_time(&s, &tm) || !parse_offset(&s, &east) || *s != '\0')
			return false;
	}
	*at = (int64_t)timegm(&tm) - east;
	return true;
}

bool stamp_duration_parse(const char *s, int64_t *seconds)
{
	int64_t total = 0;
	size_t unit = 0; /* units come in falling order, each once */

	if (*s == '\0')
		return false;
	while (*s != '\0') {
		int64_t n = 0;
		size_t len = strspn(s, "0123456789");
		if (len < 1 || len > 9)
			return false;
		for (; len > 0; len--, s++)
			n = n * 10 + (*s - '0');
		while (unit < N_UNITS && units[unit].letter != *s)
			unit++;
		if (unit == N_UNITS)
			return false;
		total += n * units[unit++].seconds;
		s++;
	}
	*seconds = total;
	return true;
}

const char *stamp_duration_format(char out[STAMP_TEXT], int64_t seconds)
{
	uint64_t left = seconds < 0 ? -(uint64_t)seconds : (uint64_t)seconds;
	int len = snprintf(out, STAMP_TEXT, "%s", seconds < 0 ? "-" : "");

	if (left == 0) {
		snprintf(out, STAMP_TEXT, "0s");
		return out;
	}
	for (size_t i = 0; i < N_UNITS && left > 0; i++) {
		uint64_t unit = (uint64_t)units[i].seconds;
		bool whole_only = unit > DAY; /* "30d", not "4w2d" */
		if (left < unit || (whole_only && left % unit != 0))
			continue;
		len += snprintf(out + len, STAMP_TEXT - (size_t)len, "%" PRIu64 "%c", left / unit,
				units[i].letter);
		left %= unit;
	}
	return out;
}

const char *stamp_duration_human(char out[STAMP_TEXT], int64_t seconds)
{
	static const struct {
		int64_t seconds;
		const char *one, *many;
	} words[] = {{DAY, "day", "days"}, {HOUR, "h", "h"}, {MINUTE, "min", "min"}, {1, "s", "s"}};
	size_t i = 0;

	if (seconds < 0)
		seconds = 0;
	while (i < 3 && seconds < words[i].seconds)
		i++;
	int64_t n = seconds / words[i].seconds;
	int len =
	    snprintf(out, STAMP_TEXT, "%" PRId64 " %s", n, n == 1 ? words[i].one : words[i].many);
	if (i == 3 || (i == 0 && n >= 7))
		return out;
	n = seconds % words[i].seconds / words[i + 1].seconds;
	if (n > 0)
		snprintf(out + len, STAMP_TEXT - (size_t)len, " %" PRId64 " %s", n,
			 words[i + 1].many);
	return out;
}
