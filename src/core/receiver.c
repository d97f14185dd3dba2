/* SPDX-License-Identifier: ISC */
#include "receiver.h"

#define TEXT_MAX 4096
#define LIST_MAX 256

/* clang-format off */
#define STR(m)     {#m, SHAPE_STRING, offsetof(struct conf_receiver, m), .max = TEXT_MAX}
#define STRS(m)    {#m, SHAPE_STRINGS, offsetof(struct conf_receiver, m), \
		    offsetof(struct conf_receiver, n_##m), .max = LIST_MAX}
#define WORD(m, w) {#m, SHAPE_ENUM, offsetof(struct conf_receiver, m), .words = w}
/* clang-format on */

static const struct shape_field receiver_fields[] = {
    {"name", SHAPE_STRING, offsetof(struct conf_receiver, name), .max = TEXT_MAX,
     .flags = SHAPE_REQUIRED},
    {"kind", SHAPE_ENUM, offsetof(struct conf_receiver, kind), .words = conf_receiver_kind_words,
     .flags = SHAPE_REQUIRED},
    STR(fallback),
    {"rate_per_minute", SHAPE_INT, offsetof(struct conf_receiver, rate_per_minute)},
    STR(ca_file),
    STRS(to),
    STR(from),
    STR(relay),
    WORD(relay_tls, conf_relay_tls_words),
    STR(username),
    STR(password_file),
    STRS(urls),
    STR(url_file),
    WORD(format, conf_webhook_format_words),
    STRS(secret_files),
    STR(routing_key_file),
    STR(token_file),
    STR(topic),
    STRS(argv),
};
const struct shape receiver_shape = SHAPE("receiver", struct conf_receiver, receiver_fields);
