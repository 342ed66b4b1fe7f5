/*
 * test_tools_fsck_help.h - a data folder as the server's own code writes it, ways to damage it, and
 * ectl fsck to look at it.
 *
 * The program itself is run: it must not only know, but also survive, say so in JSON, and end with
 * the right code.
 */
#ifndef TEST_TOOLS_FSCK_HELP_H
#define TEST_TOOLS_FSCK_HELP_H

#include <lmdb.h>
#include <sys/wait.h>

#include "lib/seq_world.h"
#include "seq/ledger.h"
#include "unit/test_trust_help.h"

#define ORIGIN	"test.example/fsck"
#define COUNT	600 /* more than two tiles; entry 0 is the agents' key, entry n task n */
#define PLAIN	300 /* without workflow */
#define BATCH	100
#define AGENT_A "spiffe://example.com/agent/a"
#define AGENT_B "spiffe://example.com/agent/b"

static char *root, *log_folder, *key_path;
static struct pair agent;
static struct hash agent_thumbprint;

/* ---- a data folder ---- */

HELP char *
path_of(const char *name)
{
	char *path = NULL;

	cr_assert(asprintf(&path, "%s/%s", root, name) > 0);
	return path;
}

HELP void
write_trust(void)
{
	char *text = jwks_of(pair_jwk(&agent, "k", AGENT_A, NULL), NULL);
	struct key *key;

	folder_add(root, "trust");
	folder_add(root, "trust/example.com");
	file_write(root, "trust/example.com/agents.jwks.json", text);
	free(text);
	cr_assert(
	    key_from_raw(agent.alg, bytes_of(agent.raw, agent.raw_size), &key, NULL) == RC_OK);
	agent_thumbprint = *key_thumbprint(key);
	key_free(key);
}

/* Task n: a chain without workflow, then three workflows, now and then with a parent outside. */
HELP void
make_job(struct world_job *j, uint64_t n, const char *more)
{
	uint8_t pred[2][16];
	struct token_make t = {.iss = n < PLAIN ? AGENT_A : AGENT_B,
	    .pred = (const uint8_t(*)[16])pred,
	    .has_wid = n >= PLAIN,
	    .more = more};
	uint8_t sig[96];
	char *dot;
	size_t step = n >= PLAIN ? 3 : 1, first = n >= PLAIN ? PLAIN : 1;

	token_make_id(n, t.jti);
	token_make_id(1000000 + n % 3, t.wid);
	if (n >= first + step)
		token_make_id(n - step, pred[t.pred_count++]);
	if (n > PLAIN && n % 50 == 0)
		token_make_id(10, pred[t.pred_count++]);
	memset(j, 0, sizeof(*j));
	j->text = token_make(&t);
	dot = strrchr(j->text, '.');
	pair_sign(&agent, bytes_of(j->text, (size_t)(dot - j->text)), sig);
	b64url_encode(bytes_of(sig, 64), dot + 1);
	arena_init(&j->arena, 1 << 20);
	cr_assert(token_parse(bytes_str(j->text), &j->arena, &j->token, NULL) == RC_OK);
	cr_assert(claim_read(&j->token, &j->arena, &j->claim, NULL) == RC_OK);
	j->job.token = &j->token;
	j->job.claim = &j->claim;
	j->job.arena = &j->arena;
	j->job.has_signer = true;
	j->job.signer = j->job.anchor = agent_thumbprint;
	j->job.binding = TRUST_JWKS;
}

HELP struct ledger *
open_ledger(struct policy_rules *rules, bool create)
{
	struct ledger_options o = {.folder = log_folder,
	    .origin = ORIGIN,
	    .key_path = key_path,
	    .map_size = 1 << 28,
	    .free_bytes_min = 1,
	    .create = create};
	struct ledger *l = NULL;
	struct why why = {0};

	policy_rules_init(rules);
	cr_assert(ledger_open(&l, &o, rules, &why) == RC_OK, "%s", why.text);
	return l;
}

/* Entry 0: the key that every task is signed with. */
HELP void
enrol_agent(struct ledger *l)
{
	struct bytes issuers[2] = {bytes_str(AGENT_A), bytes_str(AGENT_B)};
	struct trust_event e = {.action = EVENT_ENROLL,
	    .subject = EVENT_KEY,
	    .domain = bytes_str("example.com"),
	    .id = agent_thumbprint,
	    .issuers = issuers,
	    .issuer_count = 2,
	    .by = bytes_str("folder")};
	struct seq_job job = {.kind = ENTRY_KEY}, *list[1] = {&job};
	char x[64], y[64], text[256];
	struct arena arena;

	/* The members that RFC 7638 hashes, in its order. */
	x[b64url_encode(bytes_of(agent.raw + 1, 32), x)] = '\0';
	y[b64url_encode(bytes_of(agent.raw + 33, 32), y)] = '\0';
	snprintf(text, sizeof(text), "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}",
	    x, y);
	e.material = bytes_str(text);
	arena_init(&arena, 1 << 20);
	job.arena = &arena;
	cr_assert(event_write(&e, &arena, &job.event) == RC_OK);
	cr_assert(seq_step(l, list, 1, 1800000000000) == RC_OK && job.rc == RC_OK);
	arena_release(&arena);
}

/* Tasks [from, to), up to each multiple of BATCH in a commit. */
HELP void
append(uint64_t from, uint64_t to)
{
	static struct world_job jobs[BATCH];
	struct seq_job *list[BATCH];
	struct policy_rules rules;
	struct ledger *l = open_ledger(&rules, false);

	for (uint64_t n = from; n < to; n += BATCH - n % BATCH) {
		size_t count = (size_t)(BATCH - n % BATCH);

		if (count > to - n)
			count = (size_t)(to - n);
		for (size_t i = 0; i < count; i++) {
			make_job(&jobs[i], n + i,
			    n % 2
				? NULL
				: ",\"inp_hash\":\"47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU\"");
			list[i] = &jobs[i].job;
		}
		cr_assert(seq_step(l, list, count, 1800000000000 + (int64_t)n) == RC_OK);
		for (size_t i = 0; i < count; i++) {
			cr_assert(jobs[i].job.rc == RC_OK, "%s", jobs[i].job.why.text);
			arena_release(&jobs[i].arena);
			free(jobs[i].text);
		}
	}
	ledger_close(l);
	policy_rules_release(&rules);
}

HELP void
set_up(void)
{
	struct policy_rules rules;
	struct ledger *l;
	char vkey[512];

	root = folder_new();
	folder_add(root, "logs");
	folder_add(root, "logs/default");
	log_folder = path_of("logs/default");
	key_path = path_of("logs/default/key.pem");
	agent = pair_new(TOKEN_ES256);
	write_trust();
	cr_assert(log_signer_create(key_path, NULL) == RC_OK);
	l = open_ledger(&rules, true);
	cr_assert(seq_first_checkpoint(l) == RC_OK);
	enrol_agent(l);
	cr_assert(vkey_text(ledger_vkey(l), vkey, sizeof(vkey)) > 0);
	ledger_close(l);
	policy_rules_release(&rules);
	file_write(root, "logs/default/vkey", vkey);
	append(1, COUNT);
}

HELP void
tear_down(void)
{
	EVP_PKEY_free(agent.pkey);
	free(log_folder);
	free(key_path);
	folder_free(root);
}

/* ---- running it ---- */

/* ectl lies beside this program. */
HELP void
program(char *out, size_t room)
{
	ssize_t n = readlink("/proc/self/exe", out, room - 1);

	cr_assert(n > 0);
	out[n] = '\0';
	strcpy(strrchr(out, '/') + 1, "ectl");
	cr_assert(access(out, X_OK) == 0, "%s must be built", out);
}

HELP json_t *
fsck(int *code, const char *options)
{
	char path[512], command[2048];
	json_t *answer;
	FILE *f;
	int status;

	program(path, sizeof(path));
	snprintf(
	    command, sizeof(command), "'%s' fsck '%s' -o json %s 2>/dev/null", path, root, options);
	cr_assert((f = popen(command, "r")));
	answer = json_loadf(f, JSON_DISABLE_EOF_CHECK, NULL);
	status = pclose(f);
	cr_assert(WIFEXITED(status), "it must not die");
	*code = WEXITSTATUS(status);
	return answer;
}

HELP json_t *
the_log(const json_t *answer)
{
	return json_array_get(json_object_get(answer, "logs"), 0);
}

HELP const char *
kinds(const json_t *answer)
{
	static char text[2048];
	json_t *row;
	size_t i;

	text[0] = '\0';
	json_array_foreach(json_object_get(answer, "problems"), i, row)
	{
		char *one = json_dumps(row, JSON_COMPACT);

		strncat(text, one, sizeof(text) - strlen(text) - 1);
		free(one);
	}
	return text;
}

HELP void
expect_sound(void)
{
	int code;
	json_t *answer = fsck(&code, "");

	cr_expect(code == 0 && json_array_size(json_object_get(answer, "problems")) == 0, "%s",
	    kinds(answer));
	json_decref(answer);
}

/*
 * Some problem of this kind, and none of a kind that is not in 'kinds' (separated by spaces); index
 * -1: any.
 */
HELP json_t *
expect_problem(const char *what, json_int_t index, const char *also)
{
	json_t *answer, *row;
	bool found = false;
	size_t i;
	int code;

	answer = fsck(&code, "");
	cr_assert(code == 1, "code %d", code);
	json_array_foreach(json_object_get(answer, "problems"), i, row)
	{
		const char *kind = str(row, "what");

		cr_expect(strcmp(str(row, "log"), "default") == 0 && str(row, "detail"));
		if (strcmp(kind, what) == 0 &&
		    (index < 0 || json_integer_value(json_object_get(row, "index")) == index))
			found = true;
		else
			cr_expect(strcmp(kind, what) == 0 || strstr(also, kind), "also %s: %s",
			    kind, str(row, "detail"));
	}
	cr_expect(found, "no %s at %lld: %s", what, (long long)index, kinds(answer));
	return answer;
}

/* ---- damage ---- */

struct db {
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;
};

HELP struct db
db_open(const char *folder, const char *table)
{
	char path[512];
	struct db d;

	snprintf(path, sizeof(path), "%s/%s", log_folder, folder);
	cr_assert(mdb_env_create(&d.env) == 0 && mdb_env_set_maxdbs(d.env, 8) == 0);
	cr_assert(mdb_env_set_mapsize(d.env, 1 << 28) == 0);
	cr_assert(mdb_env_open(d.env, path, 0, 0600) == 0);
	cr_assert(mdb_txn_begin(d.env, NULL, 0, &d.txn) == 0);
	cr_assert(mdb_dbi_open(d.txn, table, 0, &d.dbi) == 0);
	return d;
}

HELP void
db_close(struct db *d)
{
	cr_assert(mdb_txn_commit(d->txn) == 0);
	mdb_env_close(d->env);
}

/* Flip a bit of the byte that is 'back' from the end of a value. */
HELP void
flip(const char *folder, const char *table, struct bytes key, size_t back)
{
	struct db d = db_open(folder, table);
	MDB_val k = {key.n, (void *)(uintptr_t)key.p}, v;
	uint8_t copy[70000];

	cr_assert(mdb_get(d.txn, d.dbi, &k, &v) == 0);
	cr_assert(v.mv_size <= sizeof(copy) && back < v.mv_size);
	memcpy(copy, v.mv_data, v.mv_size);
	copy[v.mv_size - 1 - back] ^= 1;
	v.mv_data = copy;
	cr_assert(mdb_put(d.txn, d.dbi, &k, &v, 0) == 0);
	db_close(&d);
}

HELP void
remove_row(const char *folder, const char *table, struct bytes key)
{
	struct db d = db_open(folder, table);
	MDB_val k = {key.n, (void *)(uintptr_t)key.p};

	cr_assert(mdb_del(d.txn, d.dbi, &k, NULL) == 0);
	db_close(&d);
}

HELP void
add_row(const char *folder, const char *table, struct bytes key, struct bytes value)
{
	struct db d = db_open(folder, table);
	MDB_val k = {key.n, (void *)(uintptr_t)key.p}, v = {value.n, (void *)(uintptr_t)value.p};

	cr_assert(mdb_put(d.txn, d.dbi, &k, &v, 0) == 0);
	db_close(&d);
}

HELP struct bytes
number_key(uint8_t room[9], uint64_t number)
{
	put_u64(room, number);
	return bytes_of(room, 8);
}

HELP struct bytes
tile_key(uint8_t room[9], uint8_t level, uint64_t number)
{
	room[0] = level;
	put_u64(room + 1, number);
	return bytes_of(room, 9);
}

HELP void
copy_file(const char *from, const char *to)
{
	char command[1200];

	snprintf(command, sizeof(command), "cp '%s/%s' '%s/%s'", log_folder, from, log_folder, to);
	cr_assert(system(command) == 0);
}

HELP uint8_t *
journal_read(size_t *size)
{
	static uint8_t bytes[1 << 20];
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/journal/heads", log_folder);
	cr_assert((f = fopen(path, "r")));
	*size = fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	return bytes;
}

HELP void
journal_write(const uint8_t *bytes, size_t size)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/journal/heads", log_folder);
	cr_assert((f = fopen(path, "w")));
	cr_assert(fwrite(bytes, 1, size, f) == size && fclose(f) == 0);
}

/* Offset of the last n-th record (1: the last). */
HELP size_t
journal_record(const uint8_t *bytes, size_t size, unsigned n)
{
	for (size_t i = size - 8; i > 0; i--)
		if (memcmp(bytes + i, "ECTHEAD1", 8) == 0 && --n == 0)
			return i;
	cr_assert(false, "no such record");
	return 0;
}

/* ---- entries that a writer must not have made ---- */

HELP enum rc
forge_tile(void *ctx, unsigned level, uint64_t number, unsigned width, const uint8_t *hashes)
{
	return store_put_tile(ctx, level, number, bytes_of(hashes, (size_t)width * HASH_SIZE));
}

/* Signed and journalled like any other. */
HELP void
forge(const struct entry *entry)
{
	struct store_options o = {
	    .folder = log_folder, .origin = ORIGIN, .map_size = 1 << 28, .free_bytes_min = 1};
	struct tile_writer *tiles = tile_writer_new();
	struct log_signer signer;
	struct store_read *read;
	struct store *store;
	struct arena arena;
	struct bytes head;
	struct hash leaf, top;
	struct buf note;
	uint64_t size;

	arena_init(&arena, 1 << 20);
	buf_init(&note, 0);
	cr_assert(log_signer_open(key_path, ORIGIN, &signer, NULL) == RC_OK);
	cr_assert(store_lmdb_open(&store, &o, NULL) == RC_OK);
	cr_assert(store_read_begin(store, &read) == RC_OK);
	size = store_read_size(read);
	cr_assert(tile_writer_load(tiles, size, ledger_tiles(read)) == RC_OK);
	store_read_end(read);
	cr_assert(tile_writer_begin(tiles, 1) == RC_OK);
	cr_assert(entry_write_head(entry, &arena, &head) == RC_OK);
	entry_leaf_hash(head, entry->token, &leaf);
	cr_assert(store_batch_begin(store) == RC_OK);
	cr_assert(store_put_entry(store, size, head, entry->token) == RC_OK);
	tile_writer_append(tiles, &leaf);
	cr_assert(tile_writer_dirty(tiles, forge_tile, store) == RC_OK);
	tile_writer_root(tiles, &top);
	cr_assert(checkpoint_sign(&signer, size + 1, &top, BYTES_NONE, &note) == RC_OK);
	cr_assert(store_put_head(store, size + 1, buf_bytes(&note)) == RC_OK);
	cr_assert(store_batch_commit(store) == RC_OK);
	cr_assert(store_journal_append(store, size + 1, buf_bytes(&note)) == RC_OK);
	store_close(store);
	log_signer_close(&signer);
	tile_writer_free(tiles);
	arena_release(&arena);
	buf_release(&note);
}

#endif
