/* SPDX-License-Identifier: ISC */
#include "cert.h"

#include "name.h"

bool cert_matches_name(const struct obs_cert *leaf, const char *name)
{
	for (size_t i = 0; i < leaf->n_dns_names; i++)
		if (name_matches_certificate(name, leaf->dns_names[i]))
			return true;
	return false;
}

int64_t cert_threshold(const struct obs_cert *c, const struct conf_threshold *t)
{
	int64_t lifetime = c->not_after - c->not_before;

	if (lifetime <= 0)
		return t->max_s;
	int64_t share = lifetime / 100 * t->percent + lifetime % 100 * t->percent / 100;
	return share < t->max_s ? share : t->max_s;
}

bool cert_has_error(const struct obs_tls *tls, int64_t code)
{
	for (size_t i = 0; i < tls->n_errors; i++)
		if (tls->errors[i].code == code)
			return true;
	return false;
}

bool cert_chain_in_order(const struct obs_tls *tls)
{
	for (size_t i = 0; i + 1 < tls->n_chain; i++)
		if (tls->chain[i].signed_by != (int64_t)i + 2)
			return false;
	return true;
}
