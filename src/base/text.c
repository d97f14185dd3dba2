/* SPDX-License-Identifier: ISC */
#include "text.h"

#include <stdint.h>
#include <string.h>

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

size_t text_copy(char *dst, size_t size, const char *src)
{
	size_t len = strlen(src);
	if (size > 0) {
		size_t n = len < size ? len : size - 1;
		memcpy(dst, src, n);
		dst[n] = '\0';
	}
	return len;
}

/* The code point at the front and its bytes (RFC 3629); 0 bytes if it is not UTF-8. */
static size_t utf8_get(const char *s, size_t len, uint32_t *point)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char c = (unsigned char)s[0];
	size_t n = c < 0x80 ? 1 : c >> 5 == 6 ? 2 : c >> 4 == 14 ? 3 : c >> 3 == 30 ? 4 : 0;

	if (n == 0 || n > len)
		return 0;
	*point = n == 1 ? c : c & (0x7fU >> n);
	for (size_t i = 1; i < n; i++) {
		if (((unsigned char)s[i] & 0xc0) != 0x80)
			return 0;
		*point = *point << 6 | ((unsigned char)s[i] & 0x3f);
	}
	bool surrogate = *point >= 0xd800 && *point <= 0xdfff;
	return *point < least[n] || *point > 0x10ffff || surrogate ? 0 : n;
}

/* Code points that move, hide or end text: C0, DEL, C1, bidi controls (UAX 9), zero-width and
 * line separators, interlinear marks, tags. */
static bool is_unsafe(uint32_t point)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {{0, 0x1f},	{0x7f, 0x9f},	  {0xad, 0xad},	    {0x61c, 0x61c},
		      {0x180e, 0x180e}, {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f},
		      {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xfffe, 0xffff}, {0xe0000, 0xe007f}};
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (point >= ranges[i].first && point <= ranges[i].last)
			return true;
	return false;
}

static const char hex_digits[] = "0123456789abcdef";

void text_escape(struct buf *out, const char *bytes, size_t len, size_t max_chars)
{
	size_t start = out->len, chars = 0;
	size_t cut = start; /* where "..." would go: the last place it fits behind */

	for (size_t i = 0, n; i < len; i += n) {
		char unit[16];
		size_t size = 0, width = 1;
		uint32_t point;

		n = utf8_get(bytes + i, len - i, &point);
		if (n == 0 || is_unsafe(point)) {
			n = n == 0 ? 1 : n;
			for (size_t k = 0; k < n; k++) {
				unsigned char c = (unsigned char)bytes[i + k];
				memcpy(unit + size, "\\x", 2);
				unit[size + 2] = hex_digits[c >> 4];
				unit[size + 3] = hex_digits[c & 15];
				size += 4;
			}
			width = size;
		} else if (point == '\\') {
			memcpy(unit, "\\\\", 2);
			size = width = 2;
		} else {
			memcpy(unit, bytes + i, n);
			size = n;
		}
		bool fits = size <= out->max - out->len;
		if (chars + width > max_chars || !fits) {
			out->truncated |= !fits;
			out->len = cut;
			buf_add(out, "...", max_chars < 3 ? max_chars : 3);
			return;
		}
		buf_add(out, unit, size);
		chars += width;
		if (chars + 3 <= max_chars && out->max - out->len >= 3)
			cut = out->len;
	}
}

void text_latin1(struct buf *out, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)bytes[i];
		char pair[2] = {(char)(0xc0 | c >> 6), (char)(0x80 | (c & 0x3f))};
		size_t n = c == 0 ? 3 : c < 0x80 ? 1 : 2;
		if (n > out->max - out->len) { /* never half a character */
			out->truncated = true;
			return;
		}
		buf_add(out, c == 0 ? "\xef\xbf\xbd" : c < 0x80 ? (const char *)&c : pair, n);
	}
}

void text_unlatin1(struct buf *out, const char *s, size_t len)
{
	for (size_t i = 0, n; i < len; i += n) {
		uint32_t point;
		n = utf8_get(s + i, len - i, &point);
		if (n == 2 && point <= 0xff)
			buf_addch(out, (char)(unsigned char)point);
		else if (n == 3 && point == 0xfffd)
			buf_addch(out, '\0');
		else
			buf_add(out, s + i, n == 0 ? n = 1 : n);
	}
}

void text_html(struct buf *out, const char *s)
{
	for (; *s != '\0'; s++) {
		switch (*s) {
		case '&':
			buf_addstr(out, "&amp;");
			break;
		case '<':
			buf_addstr(out, "&lt;");
			break;
		case '>':
			buf_addstr(out, "&gt;");
			break;
		case '"':
			buf_addstr(out, "&quot;");
			break;
		case '\'':
			buf_addstr(out, "&#39;");
			break;
		default:
			buf_addch(out, *s);
		}
	}
}

void text_hex(struct buf *out, const void *bytes, size_t len)
{
	const unsigned char *p = bytes;
	for (size_t i = 0; i < len; i++) {
		char pair[2] = {hex_digits[p[i] >> 4], hex_digits[p[i] & 15]};
		buf_add(out, pair, 2);
	}
}

static int hex_value(char c)
{
	const char *p = c != '\0' ? strchr(hex_digits, lower(c)) : NULL;
	return p != NULL ? (int)(p - hex_digits) : -1;
}

long text_unhex(unsigned char *out, size_t size, const char *hex)
{
	size_t len = strlen(hex);
	if (len % 2 != 0 || len / 2 > size)
		return -1;
	for (size_t i = 0; i < len / 2; i++) {
		int high = hex_value(hex[2 * i]), low = hex_value(hex[2 * i + 1]);
		if (high < 0 || low < 0)
			return -1;
		out[i] = (unsigned char)(high << 4 | low);
	}
	return (long)(len / 2);
}

bool text_is_utf8(const char *s, size_t len)
{
	uint32_t point;
	for (size_t i = 0, n; i < len; i += n) {
		n = utf8_get(s + i, len - i, &point);
		if (n == 0)
			return false;
	}
	return true;
}

size_t text_utf8_length(const char *s)
{
	size_t len = 1;

	while (((unsigned char)s[len] & 0xc0) == 0x80)
		len++;
	return len;
}

size_t text_characters(const char *s)
{
	size_t n = 0;

	for (; *s != '\0'; s += text_utf8_length(s))
		n++;
	return n;
}

bool text_is_printable_ascii(const char *s)
{
	for (; *s != '\0'; s++)
		if (*s < ' ' || *s > '~')
			return false;
	return true;
}

bool text_equal_nocase(const char *a, const char *b)
{
	for (; *a != '\0' && lower(*a) == lower(*b); a++)
		b++;
	return lower(*a) == lower(*b);
}

bool text_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

void text_lower(char *s)
{
	for (; *s != '\0'; s++)
		*s = lower(*s);
}

bool text_glob(const char *pattern, const char *s)
{
	const char *star = NULL, *from = NULL; /* the last '*' and how far it reaches */

	while (*s != '\0') {
		if (*pattern == '*') {
			star = pattern++;
			from = s;
		} else if (*pattern != '\0' && (*pattern == '?' || lower(*pattern) == lower(*s))) {
			pattern++;
			s++;
		} else if (star != NULL) {
			pattern = star + 1;
			s = ++from;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

#define WORD_MAX 48

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment). */
static size_t edits(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t row[3][WORD_MAX + 1];
	size_t *before = row[0], *above = row[1], *here = row[2];

	for (size_t j = 0; j <= b_len; j++)
		above[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		here[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			char x = lower(a[i - 1]), y = lower(b[j - 1]);
			here[j] = least(least(above[j], here[j - 1]) + 1, above[j - 1] + (x != y));
			if (i > 1 && j > 1 && x == lower(b[j - 2]) && y == lower(a[i - 2]))
				here[j] = least(here[j], before[j - 2] + 1);
		}
		size_t *spare = before;
		before = above;
		above = here;
		here = spare;
	}
	return above[b_len];
}

const char *text_nearest(const char *word, const char *const *candidates)
{
	size_t len = strlen(word);
	size_t best = len <= 3 ? 1 : len <= 7 ? 2 : 3; /* more edits than that are another word */
	const char *nearest = NULL;

	if (len > WORD_MAX)
		return NULL;
	for (; *candidates != NULL; candidates++) {
		size_t n = strlen(*candidates);
		if (n > WORD_MAX)
			continue;
		size_t d = edits(word, len, *candidates, n);
		if (d < len && (d < best || (d == best && nearest == NULL))) {
			best = d;
			nearest = *candidates;
		}
	}
	return nearest;
}
