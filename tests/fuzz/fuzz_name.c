/* SPDX-License-Identifier: ISC */
#include "fuzz.h"
#include "name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct arena *arena = arena_new();
	const char *text = fuzz_text(arena, data, len);
	char once[NAME_MAX_TEXT], twice[NAME_MAX_TEXT], reverse[NAME_MAX_TEXT];

	if (name_fold(once, text))
		PROMISE(name_fold(twice, once) && name_equal(once, text) &&
			name_equal(twice, once));
	PROMISE(!name_is_host(text) || !name_is_address_literal(text));
	PROMISE(name_reverse(reverse, text) == (name_address_class(text) != NAME_ADDRESS_INVALID));
	PROMISE(!name_matches_certificate(text, text) || name_is_host(text));
	arena_free(arena);
	return 0;
}
