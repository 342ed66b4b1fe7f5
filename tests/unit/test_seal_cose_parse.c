/* test_seal_cose_parse.c - each rule of the receipt's form alone: everything else in these receipts
 * is right, the signature included. */
#include "seal/cose.h"
#include "unit/test_seal_help.h"

/* Header members as hex, in which K stands for the kid's four bytes and P for the proof. */
struct variant {
	const char *name;
	const char *protected, *unprotected; /* whole maps */
	enum rc want;
};

#define ALG "0132"		/* 1: -19 */
#define KID "0444K"		/* 4: kid */
#define CWT "0fa201616102 6162" /* 15: {1: "a", 2: "b"} */
#define VDS "19018b01"		/* 395: 1 */
#define VDP "19018ca12081P"	/* 396: {-1: [proof]} */

static const struct variant variants[] = {
    {"as we write it", "a4" ALG KID CWT VDS, "a1" VDP, RC_OK},
    {"protected members in another order", "a4" VDS CWT KID ALG, "a1" VDP, RC_OK},
    {"a member nobody knows, on either side", "a5" ALG KID CWT VDS "1903e701", "a2" VDP "1903e801",
	RC_OK},
    {"another claim", "a4" ALG KID "0fa3016161026162061a00000001" VDS, "a1" VDP,
	RC_BAD_PROOF}, /* not the shortest head */
    {"another claim, rightly written", "a4" ALG KID "0fa30161610261620601" VDS, "a1" VDP, RC_OK},
    {"a thumbprint instead of a kid", "a4" ALG "1822822f4101" CWT VDS, "a1" VDP, RC_OK},
    {"neither kid nor thumbprint", "a3" ALG CWT VDS, "a1" VDP, RC_BAD_PROOF},
    {"an empty kid", "a4" ALG "0440" CWT VDS, "a1" VDP, RC_BAD_PROOF},
    {"the kid twice", "a5" ALG KID KID CWT VDS, "a1" VDP, RC_BAD_PROOF},
    {"the kid on both sides", "a4" ALG KID CWT VDS, "a2" KID VDP, RC_BAD_PROOF},
    {"an unknown member twice", "a5" ALG KID CWT VDS "1903e701", "a2" VDP "1903e701", RC_BAD_PROOF},
    {"a text label", "a5" ALG KID CWT VDS "616101", "a1" VDP, RC_BAD_PROOF},
    {"alg unprotected only", "a3" KID CWT VDS, "a2" ALG VDP, RC_BAD_PROOF},
    {"alg as text",
	"a4"
	"016145" KID CWT VDS,
	"a1" VDP, RC_BAD_PROOF},
    {"claims missing", "a3" ALG KID VDS, "a1" VDP, RC_BAD_PROOF},
    {"claims without iss", "a4" ALG KID "0fa1026162" VDS, "a1" VDP, RC_BAD_PROOF},
    {"claims without sub", "a4" ALG KID "0fa1016161" VDS, "a1" VDP, RC_BAD_PROOF},
    {"an empty iss", "a4" ALG KID "0fa20160026162" VDS, "a1" VDP, RC_BAD_PROOF},
    {"iss twice", "a4" ALG KID "0fa3016161016161026162" VDS, "a1" VDP, RC_BAD_PROOF},
    {"vds missing", "a3" ALG KID CWT, "a1" VDP, RC_BAD_PROOF},
    {"vds 2", "a4" ALG KID CWT "19018b02", "a1" VDP, RC_BAD_PROOF},
    {"crit that is understood and there", "a5" ALG "028104" KID CWT VDS, "a1" VDP, RC_OK},
    {"crit that is understood but not there",
	"a5" ALG "028104"
	"1822822f4101" CWT VDS,
	"a1" VDP, RC_BAD_PROOF},
    {"crit that is not understood", "a6" ALG "02811903e7" KID CWT VDS "1903e701", "a1" VDP,
	RC_BAD_PROOF},
    {"an empty crit", "a5" ALG "0280" KID CWT VDS, "a1" VDP, RC_BAD_PROOF},
    {"crit unprotected", "a4" ALG KID CWT VDS,
	"a2"
	"028104" VDP,
	RC_BAD_PROOF},
    {"proofs protected", "a5" ALG KID CWT VDS VDP, "a0", RC_BAD_PROOF},
    {"no proofs", "a4" ALG KID CWT VDS, "a0", RC_BAD_PROOF},
    {"two proofs", "a4" ALG KID CWT VDS,
	"a1"
	"19018ca12082PP",
	RC_BAD_PROOF},
    {"proofs of both kinds", "a4" ALG KID CWT VDS,
	"a1"
	"19018ca22081P2181P",
	RC_BAD_PROOF},
    {"proofs of an unknown kind", "a4" ALG KID CWT VDS,
	"a1"
	"19018ca12281P",
	RC_BAD_PROOF},
    {"bytes after the protected map", "a4" ALG KID CWT VDS "00", "a1" VDP, RC_BAD_PROOF},
    {"a protected array", "84" ALG KID, "a1" VDP, RC_BAD_PROOF},
};

static void
expand(const char *text, struct bytes kid, struct bytes proof, struct buf *out)
{
	uint8_t byte;
	char pair[2];
	size_t n;

	for (; *text != '\0'; text++) {
		if (*text == ' ')
			continue;
		if (*text == 'K') {
			buf_add_bytes(out, kid);
		} else if (*text == 'P') {
			scbor_put_bytes(out, proof);
		} else {
			pair[0] = *text++;
			pair[1] = *text;
			cr_assert(hex_decode(bytes_of(pair, 2), &byte, 1, &n) && n == 1);
			buf_add(out, &byte, 1);
		}
	}
}

struct rig {
	struct small_log log;
	struct receipt r;
	struct hash root;
	uint8_t kid[4];
	struct cose_key key;
	struct buf proof;
};

static void
rig_open(struct rig *g)
{
	unsigned i;

	small_log_open(&g->log);
	g->r = small_log_receipt(&g->log, 4, 9);
	cr_assert(tree_path_root(&g->r.leaf, 4, 9, g->r.path, g->r.path_count, &g->root) == RC_OK);
	put_u32(g->kid, g->log.signer.vkey.id);
	g->key = (struct cose_key){.alg = -19, .raw = bytes_of(g->log.signer.vkey.key, 32)};
	buf_init(&g->proof, 0);
	scbor_put_array(&g->proof, 3);
	scbor_put_uint(&g->proof, 9);
	scbor_put_uint(&g->proof, 4);
	scbor_put_array(&g->proof, g->r.path_count);
	for (i = 0; i < g->r.path_count; i++)
		scbor_put_bytes(&g->proof, bytes_of(g->r.path[i].b, HASH_SIZE));
}

static void
rig_close(struct rig *g)
{
	buf_release(&g->proof);
	small_log_close(&g->log);
}

/* A receipt with these headers and a good signature over the true root; 'payload' none: nil. */
static void
build(struct rig *g, const struct variant *v, struct bytes payload, struct buf *out)
{
	struct buf protected, message;
	uint8_t signature[64];

	buf_init(&protected, 0);
	buf_init(&message, 0);
	expand(v->protected, bytes_of(g->kid, 4), buf_bytes(&g->proof), &protected);
	cose_sig_structure(buf_bytes(&protected), &g->root, &message);
	cr_assert(g->log.signer.sign(g->log.signer.ctx, buf_bytes(&message), signature) == RC_OK);
	scbor_put_tag(out, 18);
	scbor_put_array(out, 4);
	scbor_put_bytes(out, buf_bytes(&protected));
	expand(v->unprotected, bytes_of(g->kid, 4), buf_bytes(&g->proof), out);
	if (payload.n > 0)
		scbor_put_bytes(out, payload);
	else
		scbor_put_null(out);
	scbor_put_bytes(out, bytes_of(signature, 64));
	buf_release(&protected);
	buf_release(&message);
}

Test(seal_cose_parse, each_rule_alone)
{
	struct cose_receipt out;
	struct buf text;
	struct rig g;
	size_t i;

	rig_open(&g);
	for (i = 0; i < sizeof(variants) / sizeof(variants[0]); i++) {
		struct why why = {0};
		enum rc rc;

		buf_init(&text, 0);
		build(&g, &variants[i], BYTES_NONE, &text);
		rc = cose_receipt_verify_inclusion(buf_bytes(&text), &g.key, &g.r.leaf, &out, &why);
		cr_expect(
		    rc == variants[i].want, "%s: %s %s", variants[i].name, rc_label(rc), why.text);
		cr_expect((why.rule != NULL) == (rc != RC_OK));
		buf_release(&text);
	}
	rig_close(&g);
}

Test(seal_cose_parse, an_attached_payload_is_the_root_or_the_receipt_is_none)
{
	struct cose_receipt out;
	struct hash wrong;
	struct buf text;
	struct rig g;
	struct bytes payloads[3];
	size_t i;

	rig_open(&g);
	wrong = g.root;
	wrong.b[31] ^= 1;
	payloads[0] = bytes_of(g.root.b, HASH_SIZE);
	payloads[1] = bytes_of(wrong.b, HASH_SIZE);
	payloads[2] = bytes_of(g.root.b, HASH_SIZE - 1);
	for (i = 0; i < 3; i++) {
		buf_init(&text, 0);
		build(&g, &variants[0], payloads[i], &text);
		cr_assert(cose_receipt_verify_inclusion(buf_bytes(&text), &g.key, &g.r.leaf, &out,
			      NULL) == (i == 0 ? RC_OK : RC_BAD_PROOF));
		buf_release(&text);
	}
	rig_close(&g);
}

/* All four cells, and nothing but. */
Test(seal_cose_parse, the_array_has_four_members_of_the_right_types)
{
	static const char *const bad[] = {"d283a0a0f6", "d28540a0f64100", "d28440a0f600",
	    "d28440a0004100", "d28400a0f64100", "d28440a0f6", "8440a0f64100", "d2", "",
	    "d28440a0f6410000"};
	struct cose_parts parts;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct bytes raw = test_hex(bad[i]);
		struct why why = {0};

		cr_expect(cose_parse(raw, &parts, &why) == RC_BAD_PROOF && why.rule != NULL, "%s",
		    bad[i]);
		test_free(raw);
	}
}

Test(seal_cose_parse, refuses_what_is_over_the_limit_before_reading_it)
{
	uint8_t *p = calloc(1, RECEIPT_SIZE_MAX + 1);
	struct cose_parts parts;

	cr_assert(p != NULL);
	cr_assert(cose_parse(bytes_of(p, RECEIPT_SIZE_MAX + 1), &parts, NULL) == RC_TOO_LARGE);
	free(p);
}
