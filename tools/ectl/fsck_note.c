/*
 * fsck_note.c - checkpoints (C2SP signed-note, tlog-checkpoint) and the key that signs them.
 *
 * Which key: the one given with --vkey is best, because whoever can change the folder can change
 * the key that lies in it.  Else DIR/logs/<name>/vkey, else the public half of key.pem.  Without
 * any, a head's form and root are still checked and its signature is not.
 */
#include "fsck.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#define VKEY_MAX 1024
#define NOTE_MAX 65536

static const char dash[] = "\xe2\x80\x94 ";

/* Id = SHA-256(name || LF || type || key)[0..4] */
static bool
vkey_set(struct fsck *f, struct fsck_vkey *v, struct span name, const uint8_t key[32])
{
	static const uint8_t middle[2] = {'\n', 1};
	uint8_t text[FSCK_NAME_MAX + 2], hash[FSCK_HASH];

	if (name.n == 0 || name.n > FSCK_NAME_MAX || memchr(name.p, '\0', name.n) != NULL)
		return false;
	memcpy(v->name, name.p, name.n);
	v->name[name.n] = '\0';
	memcpy(v->key, key, 32);
	memcpy(text, name.p, name.n);
	memcpy(text + name.n, middle, 2);
	fsck_hash(f, (struct span){text, name.n + 2}, (struct span){key, 32}, hash);
	memcpy(v->id, hash, 4);
	v->pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, 32);
	return v->pkey != NULL;
}

/* name+8 hex+base64(1 || key); the id is computed again and compared. */
static bool
vkey_parse(struct fsck *f, const char *text, struct fsck_vkey *v)
{
	size_t n = strcspn(text, "\r\n"), size;
	const char *plus = memchr(text, '+', n), *second;
	uint8_t raw[64];
	char id[9];

	if (plus == NULL || (second = memchr(plus + 1, '+', n - (size_t)(plus + 1 - text))) == NULL)
		return false;
	if (second - plus != 9 ||
	    !fsck_unbase64(false,
		(struct span){(const uint8_t *)second + 1, n - (size_t)(second + 1 - text)}, raw,
		sizeof(raw), &size) ||
	    size != 33 || raw[0] != 1)
		return false;
	if (!vkey_set(f, v, (struct span){(const uint8_t *)text, (size_t)(plus - text)}, raw + 1))
		return false;
	fsck_hex(v->id, 4, id);
	return memcmp(id, plus + 1, 8) == 0;
}

static int
no_password(char *p, int room, int rwflag, void *ctx)
{
	(void)p, (void)room, (void)rwflag, (void)ctx;
	return -1;
}

/* The public half of the signing key, under the log's origin. */
static bool
vkey_from_pem(struct fsck *f, struct fsck_vkey *v)
{
	char *path = fsck_path(f->folder, "key.pem");
	uint8_t *text = NULL, raw[32];
	size_t n = 0, size = sizeof(raw);
	EVP_PKEY *key = NULL;
	BIO *bio = NULL;
	bool ok = false;

	if (!fsck_read(path, 65536, &text, &n))
		goto out;
	bio = BIO_new_mem_buf(text, (int)n);
	key = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;
	ok = key != NULL && EVP_PKEY_get_raw_public_key(key, raw, &size) == 1 && size == 32 &&
	     vkey_set(f, v, (struct span){(const uint8_t *)f->origin, strlen(f->origin)}, raw);
out:
	if (text != NULL)
		OPENSSL_cleanse(text, n);
	free(text);
	BIO_free(bio);
	EVP_PKEY_free(key);
	ERR_clear_error();
	free(path);
	return ok;
}

void
fsck_vkey_load(struct fsck *f)
{
	char *path = fsck_path(f->folder, "vkey");
	struct fsck_vkey pem = {0};
	uint8_t *text = NULL;
	size_t n;

	if (f->vkey_text != NULL) {
		f->has_vkey = vkey_parse(f, f->vkey_text, &f->vkey);
		if (!f->has_vkey)
			fsck_problem(f, FSCK_KEY, FSCK_NONE, "--vkey", "not a verifier key");
	} else if (fsck_read(path, VKEY_MAX, &text, &n)) {
		f->has_vkey = vkey_parse(f, (const char *)text, &f->vkey);
		if (!f->has_vkey)
			fsck_problem(f, FSCK_KEY, FSCK_NONE, "vkey", "not a verifier key");
	}
	if (vkey_from_pem(f, &pem)) {
		if (f->has_vkey && memcmp(pem.key, f->vkey.key, 32) != 0)
			fsck_problem(f, FSCK_KEY, FSCK_NONE, "key.pem",
			    "the signing key is not that of the verifier key");
		if (!f->has_vkey) {
			f->vkey = pem;
			f->has_vkey = true;
			pem.pkey = NULL;
		}
		EVP_PKEY_free(pem.pkey);
	}
	if (f->has_vkey && f->origin[0] != '\0' && strcmp(f->origin, f->vkey.name) != 0)
		fsck_problem(f, FSCK_KEY, FSCK_NONE, "vkey",
		    "the verifier key is for the origin %.80s, the log says %.80s", f->vkey.name,
		    f->origin);
	free(text);
	free(path);
}

/* One line, without its LF; false at the end or when the last has none. */
static bool
next_line(struct span *rest, struct span *line)
{
	const uint8_t *end = rest->n > 0 ? memchr(rest->p, '\n', rest->n) : NULL;

	if (end == NULL)
		return false;
	*line = (struct span){rest->p, (size_t)(end - rest->p)};
	rest->p = end + 1;
	rest->n -= line->n + 1;
	return true;
}

static bool
is_text(struct span x, const char *text)
{
	return x.n == strlen(text) && memcmp(x.p, text, x.n) == 0;
}

/* Decimal without leading zeros, at most 20 digits and below 2^64. */
static bool
read_size(struct span x, uint64_t *out)
{
	uint64_t v = 0;

	if (x.n == 0 || x.n > 20 || (x.n > 1 && x.p[0] == '0'))
		return false;
	for (size_t i = 0; i < x.n; i++) {
		unsigned d = (unsigned)x.p[i] - '0';

		if (d > 9 || v > (UINT64_MAX - d) / 10)
			return false;
		v = v * 10 + d;
	}
	*out = v;
	return true;
}

/*
 * "— name base64(id || signature)" of the log's key over the body: 1 verifies, 0 is another's, -1
 * does not verify.
 */
static int
check_line(struct fsck *f, struct span line, struct span body)
{
	uint8_t raw[256];
	size_t n, name = strlen(f->vkey.name);
	EVP_MD_CTX *ctx;
	int ok;

	if (line.n < 4 + name + 1 || memcmp(line.p, dash, 4) != 0)
		return 0;
	if (memcmp(line.p + 4, f->vkey.name, name) != 0 || line.p[4 + name] != ' ')
		return 0;
	line = (struct span){line.p + 5 + name, line.n - 5 - name};
	if (!fsck_unbase64(false, line, raw, sizeof(raw), &n) || n < 5 ||
	    memcmp(raw, f->vkey.id, 4) != 0)
		return 0;
	if (n != 68 || (ctx = EVP_MD_CTX_new()) == NULL)
		return -1;
	ok = EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, f->vkey.pkey) == 1 &&
	     EVP_DigestVerify(ctx, raw + 4, 64, body.p, body.n) == 1;
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return ok ? 1 : -1;
}

static const char *
read_body(struct fsck *f, struct span body, struct fsck_head *out)
{
	struct span rest = body, line;
	size_t n;

	if (!next_line(&rest, &line) || line.n == 0)
		return "no origin line";
	if (f->origin[0] != '\0' && !is_text(line, f->origin))
		return "the origin is not that of the log";
	if (!next_line(&rest, &line) || !read_size(line, &out->size))
		return "the second line is not a tree size";
	if (!next_line(&rest, &line) || !fsck_unbase64(false, line, out->root, FSCK_HASH, &n) ||
	    n != FSCK_HASH)
		return "the third line is not a root";
	while (next_line(&rest, &line))
		if (line.n == 0)
			return "an empty line in the body";
	return NULL;
}

/* Where the last blank line ends the body; 0: nowhere. */
static size_t
body_size(struct span note)
{
	for (size_t i = note.n; i > 1; i--)
		if (note.p[i - 1] == '\n' && note.p[i - 2] == '\n')
			return i - 1;
	return 0;
}

bool
fsck_note_read(struct fsck *f, struct span note, uint64_t at_size, struct fsck_head *out)
{
	size_t n = note.n <= NOTE_MAX ? body_size(note) : 0;
	struct span body = {note.p, n}, rest = {note.p, 0}, line;
	const char *bad = NULL;
	char at[48];
	int ours = 0;

	snprintf(at, sizeof(at), "head %llu", (unsigned long long)at_size);
	if (n == 0 || n + 1 >= note.n || note.p[note.n - 1] != '\n')
		bad = "not a signed note";
	else
		bad = read_body(f, body, out);
	if (bad == NULL && out->size != at_size)
		bad = "the checkpoint is for another size than its key";
	if (bad == NULL)
		rest = (struct span){note.p + n + 1, note.n - n - 1};
	while (bad == NULL && f->has_vkey && next_line(&rest, &line)) {
		int one = check_line(f, line, body);

		if (one < 0)
			bad = "the signature of the log's key does not verify";
		ours += one;
	}
	if (bad == NULL && f->has_vkey && ours == 0)
		bad = "no signature of the log's key";
	if (bad != NULL)
		fsck_problem(f, FSCK_HEAD, FSCK_NONE, at, "%s", bad);
	out->verified = bad == NULL && f->has_vkey;
	return bad == NULL;
}
