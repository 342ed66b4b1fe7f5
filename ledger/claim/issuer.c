/*
 * issuer.c - who says so, in exactly one spelling.
 *
 * Keys are bound to issuers byte for byte, so two spellings of one identity
 * ("SPIFFE://Example.com/a") would be two identities, one of them without keys, quotas or history.
 * Instead of normalising (and then recording something that was not signed) every spelling but the
 * canonical one is refused.
 */
#include "claim/issuer.h"

#include <string.h>

#include "base/must.h"
#include "claim/claim.h"

static const char rule_uri[] = "RFC 7519 4.1.1, RFC 3986 2 (URI)";
static const char rule_spiffe[] = "SPIFFE ID 2";
static const char rule_wimse[] = "WIMSE identifier 3";

static bool
is_lower(uint8_t c)
{
	return c >= 'a' && c <= 'z';
}

static bool
is_alnum(uint8_t c)
{
	return is_lower(c) || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* RFC 3986 2.2 and 2.3, and the percent sign. */
static bool
is_uri_char(uint8_t c)
{
	return is_alnum(c) || (c != 0 && strchr("-._~:/?#[]@!$&'()*+,;=%", c) != NULL);
}

static bool
starts_with(struct bytes x, const char *prefix)
{
	size_t n = strlen(prefix);

	return x.n >= n && memcmp(x.p, prefix, n) == 0;
}

static struct bytes
skip(struct bytes x, size_t n)
{
	must(n <= x.n);
	return bytes_of(x.p + n, x.n - n);
}

/* 1..255 of [a-z0-9._-], and not a name that means a folder: trust domains are folder names. */
static bool
domain_ok(struct bytes d)
{
	if (d.n == 0 || d.n > ISSUER_DOMAIN_MAX || bytes_is(d, ".") || bytes_is(d, ".."))
		return false;
	for (size_t i = 0; i < d.n; i++) {
		uint8_t c = d.p[i];
		if (!is_lower(c) && !(c >= '0' && c <= '9') && c != '.' && c != '_' && c != '-')
			return false;
	}
	return true;
}

/* Up to the first byte that ends an authority (RFC 3986 3.2). */
static struct bytes
authority_of(struct bytes rest)
{
	size_t n = 0;

	while (n < rest.n && rest.p[n] != '/' && rest.p[n] != '?' && rest.p[n] != '#')
		n++;
	return bytes_of(rest.p, n);
}

/*
 * SPIFFE ID 2.2, and the WIMSE identifier's rules, which let '~' in as well: "/segment" once or more;
 * no empty segment, no dot segments, no slash at the end, no query, no fragment, no percent-encoding.
 */
static bool
workload_path_ok(struct bytes path, bool tilde)
{
	size_t at = 0;

	if (path.n == 0)
		return false;
	while (at < path.n) {
		size_t start = at + 1, end = start;

		if (path.p[at] != '/')
			return false;
		while (end < path.n && path.p[end] != '/') {
			uint8_t c = path.p[end];
			if (!is_alnum(c) && c != '.' && c != '_' && c != '-' &&
			    !(tilde && c == '~'))
				return false;
			end++;
		}
		if (end == start || bytes_is(bytes_of(path.p + start, end - start), ".") ||
		    bytes_is(bytes_of(path.p + start, end - start), ".."))
			return false;
		at = end;
	}
	return true;
}

/* spiffe:// and wimse:// have the same shape; a WIMSE trust domain has no dot at its end. */
static enum rc
read_workload(
    struct bytes iss, size_t scheme_size, bool wimse, struct bytes *trust_domain, struct why *why)
{
	const char *rule = wimse ? rule_wimse : rule_spiffe;
	struct bytes rest = skip(iss, scheme_size);
	struct bytes domain = authority_of(rest);

	if (!domain_ok(domain) || (wimse && domain.p[domain.n - 1] == '.'))
		return why_set(why, RC_BAD_CLAIM, rule, "iss", scheme_size,
		    "the trust domain is not 1 to %d of a-z 0-9 . _ -", ISSUER_DOMAIN_MAX);
	if (!workload_path_ok(skip(rest, domain.n), wimse))
		return why_set(why, RC_BAD_CLAIM, rule, "iss", scheme_size + domain.n,
		    "the path is not that of a workload");
	*trust_domain = domain;
	return RC_OK;
}

static enum rc
read_host(struct bytes iss, size_t scheme_size, struct bytes *trust_domain, struct why *why)
{
	struct bytes authority = authority_of(skip(iss, scheme_size)), host = authority;
	const uint8_t *colon = NULL;

	if (authority.n > 0 && (colon = memchr(authority.p, ':', authority.n)) != NULL) {
		struct bytes port = skip(authority, (size_t)(colon - authority.p) + 1);

		host = bytes_of(authority.p, (size_t)(colon - authority.p));
		if (port.n == 0 || port.n > 5)
			goto bad;
		for (size_t i = 0; i < port.n; i++)
			if (port.p[i] < '0' || port.p[i] > '9')
				goto bad;
	}
	if (!domain_ok(host))
		goto bad;
	*trust_domain = host;
	return RC_OK;

bad:
	return why_set(why, RC_BAD_CLAIM, rule_uri, "iss", scheme_size,
	    "the authority is not a plain lower-case host");
}

/* RFC 3986 3.1, lower case only: "one spelling" includes the scheme. */
static bool
scheme_ok(struct bytes iss)
{
	size_t n = 0;

	while (n < iss.n && iss.p[n] != ':') {
		uint8_t c = iss.p[n];
		bool later = (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
		if (!is_lower(c) && !(n > 0 && later))
			return false;
		n++;
	}
	return n > 0 && n + 1 < iss.n; /* a colon, and something after it */
}

enum rc
issuer_read(struct bytes iss, struct bytes *trust_domain, struct why *why)
{
	must(trust_domain != NULL);
	*trust_domain = BYTES_NONE;
	if (iss.n == 0 || iss.n > CLAIM_ISS_MAX)
		return why_set(why, RC_BAD_CLAIM, rule_uri, "iss", 0, "iss is not 1 to %d bytes",
		    CLAIM_ISS_MAX);
	for (size_t i = 0; i < iss.n; i++)
		if (!is_uri_char(iss.p[i]))
			return why_set(why, RC_BAD_CLAIM, rule_uri, "iss", i,
			    "iss holds a byte that no URI has");
	if (!scheme_ok(iss))
		return why_set(why, RC_BAD_CLAIM, rule_uri, "iss", 0,
		    "iss is not a URI with a lower-case scheme");
	if (starts_with(iss, "spiffe:")) {
		if (!starts_with(iss, "spiffe://"))
			return why_set(why, RC_BAD_CLAIM, rule_spiffe, "iss", 0,
			    "a SPIFFE ID starts with spiffe://");
		return read_workload(iss, strlen("spiffe://"), false, trust_domain, why);
	}
	if (starts_with(iss, "wimse:")) {
		if (!starts_with(iss, "wimse://"))
			return why_set(why, RC_BAD_CLAIM, rule_wimse, "iss", 0,
			    "a WIMSE identifier starts with wimse://");
		return read_workload(iss, strlen("wimse://"), true, trust_domain, why);
	}
	if (starts_with(iss, "https://"))
		return read_host(iss, strlen("https://"), trust_domain, why);
	return RC_OK;
}
