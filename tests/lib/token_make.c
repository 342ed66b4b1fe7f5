/* token_make.c - see token_make.h. */
#include "lib/token_make.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/text.h"

void
token_make_id(uint64_t n, uint8_t id[16])
{
	put_u64(id, n * 0x9e3779b97f4a7c15u + 1);
	put_u64(id + 8, n + 1);
}

static void
add_uuid(struct buf *b, const uint8_t id[16])
{
	char text[UUID_TEXT_SIZE];

	uuid_text(id, text);
	buf_addf(b, "\"%s\"", text);
}

char *
token_make(const struct token_make *t)
{
	const char *header = "{\"alg\":\"ES256\",\"typ\":\"exec+jwt\",\"kid\":\"k\"}";
	int64_t iat = t->iat != 0 ? t->iat : 1800000000;
	struct buf claims, out;
	uint8_t signature[64];

	buf_init(&claims, 0);
	buf_init(&out, 0);
	memset(signature, t->signature, sizeof(signature));
	buf_addf(&claims, "{\"iss\":\"%s\",\"iat\":%lld,\"exp\":%lld,\"exec_act\":\"%s\",\"jti\":",
	    t->iss != NULL ? t->iss : "spiffe://example.com/agent/a", (long long)iat,
	    (long long)iat + 600, t->act != NULL ? t->act : "t");
	add_uuid(&claims, t->jti);
	if (t->has_wid) {
		buf_add_str(&claims, ",\"wid\":");
		add_uuid(&claims, t->wid);
	}
	buf_add_str(&claims, ",\"pred\":[");
	for (size_t i = 0; i < t->pred_count; i++) {
		if (i > 0)
			buf_add_str(&claims, ",");
		add_uuid(&claims, t->pred[i]);
	}
	buf_add_str(&claims, "]");
	if (t->more != NULL)
		buf_add_str(&claims, t->more);
	buf_add_str(&claims, "}");
	buf_add_b64url(&out, bytes_str(header));
	buf_add_str(&out, ".");
	buf_add_b64url(&out, buf_bytes(&claims));
	buf_add_str(&out, ".");
	buf_add_b64url(&out, bytes_of(signature, sizeof(signature)));
	buf_add(&out, "", 1);
	must(buf_rc(&out) == RC_OK);
	buf_release(&claims);
	return (char *)out.p;
}
