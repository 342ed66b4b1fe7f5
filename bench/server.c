/*
 * server.c - the server under test: a fresh folder, its process, what it used.
 */
#include "bench.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/must.h"
#include "tools/ectl/ectl.h"

#define READY_MS 15000
#define STOP_MS	 60000

static void
sleep_ms(long ms)
{
	const struct timespec t = {ms / 1000, ms % 1000 * 1000000L};

	nanosleep(&t, NULL);
}

/* The path of a file beside our own program. */
static bool
beside(const char *name, char out[512])
{
	char self[384];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	char *slash;
	int k;

	if (n <= 0)
		return false;
	self[n] = '\0';
	if ((slash = strrchr(self, '/')) == NULL)
		return false;
	*slash = '\0';
	k = snprintf(out, 512, "%s/%s", self, name);
	return k > 0 && k < 512 && access(out, R_OK) == 0;
}

/* Run a program; the child's output goes to 'log' (append). */
static pid_t
spawn(const char *program, char *const argv[], const char *log)
{
	const int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	const pid_t pid = fd >= 0 ? fork() : -1;

	if (pid == 0) {
		/* Who ends the bench ends its server. */
		(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (dup2(fd, STDOUT_FILENO) >= 0 && dup2(fd, STDERR_FILENO) >= 0)
			execv(program, argv);
		_exit(127);
	}
	if (fd >= 0)
		close(fd);
	return pid;
}

static bool
wait_ok(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* The counter file that the preloaded library adds to; its name goes into the environment. */
static void
syncs_open(struct server *s)
{
	char path[512], library[512];
	int fd;
	void *p;

	if (!beside("ectbench_syncs.so", library))
		return;
	snprintf(path, sizeof path, "%s/syncs", s->folder);
	if ((fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) < 0)
		return;
	if (ftruncate(fd, sizeof *s->syncs) == 0 &&
	    (p = mmap(NULL, sizeof *s->syncs, PROT_READ, MAP_SHARED, fd, 0)) != MAP_FAILED) {
		s->syncs = p;
		setenv("ECTBENCH_SYNCS", path, 1);
		setenv("LD_PRELOAD", library, 1);
	}
	close(fd);
}

static bool
append_line(const char *data, const char *text)
{
	char path[512];
	FILE *f;
	bool ok;

	snprintf(path, sizeof path, "%s/ledger.conf", data);
	if ((f = fopen(path, "a")) == NULL)
		return false;
	ok = fputs(text, f) >= 0;
	return fclose(f) == 0 && ok;
}

/* Wait for the port file and take the address from it. */
static bool
ready(struct server *s, const char *port_file)
{
	char line[160];
	FILE *f;

	for (int ms = 0; ms < READY_MS; ms += 10) {
		int status;

		if ((f = fopen(port_file, "r")) != NULL) {
			s->address[0] = '\0';
			while (fgets(line, sizeof line, f) != NULL)
				if (strncmp(line, "native=", 7) == 0) {
					line[strcspn(line, "\n")] = '\0';
					snprintf(s->address, sizeof s->address, "%.127s", line + 7);
				}
			fclose(f);
			return s->address[0] != '\0';
		}
		if (waitpid(s->pid, &status, WNOHANG) == s->pid) {
			s->pid = 0;
			return false;
		}
		sleep_ms(10);
	}
	return false;
}

bool
server_start(struct server *s, const struct bench_options *o, const struct corpus *c)
{
	char program[512], data[384], trust[448], log[384], ports[384];
	char *init[] = {
	    program, (char *)"init", data, (char *)"--origin", (char *)"bench.example/log", NULL};
	char *run[] = {program, (char *)"run", data, (char *)"--listen", (char *)"127.0.0.1:0",
	    (char *)"--port-file", ports, (char *)"--insecure-loopback", NULL};

	if (!beside("ectledgerd", program))
		return fail(EXIT_USAGE, "ectledgerd is not beside ectbench") == 0;
	snprintf(s->folder, sizeof s->folder, "%.200s/ectbench.XXXXXX", o->folder);
	if (mkdtemp(s->folder) == NULL)
		return fail(EXIT_USAGE, "cannot make a folder in %s: %s", o->folder,
			   strerror(errno)) == 0;
	snprintf(data, sizeof data, "%s/data", s->folder);
	snprintf(trust, sizeof trust, "%s/trust/example.com", data);
	snprintf(log, sizeof log, "%s/server.log", s->folder);
	snprintf(ports, sizeof ports, "%s/ports", s->folder);
	if (!wait_ok(spawn(program, init, log)))
		return fail(EXIT_USAGE, "ectledgerd init failed; see %s", log) == 0;
	if (o->conf != NULL && !append_line(data, o->conf))
		return fail(EXIT_USAGE, "cannot write %s/ledger.conf", data) == 0;
	if (mkdir(trust, 0700) != 0 && errno != EEXIST)
		return fail(EXIT_USAGE, "cannot make %s: %s", trust, strerror(errno)) == 0;
	if (c != NULL && !corpus_enroll(c, trust))
		return false;
	syncs_open(s);
	s->pid = spawn(program, run, log);
	unsetenv("LD_PRELOAD");
	if (s->pid <= 0 || !ready(s, ports))
		return fail(EXIT_UNREACHABLE, "the server did not start; see %s", log) == 0;
	return true;
}

bool
server_use(const struct server *s, struct server_use *out)
{
	char path[64], line[1024], *p;
	unsigned long user = 0, kernel = 0, kb = 0;
	bool got;
	FILE *f;

	memset(out, 0, sizeof *out);
	if (s->pid <= 0)
		return false;
	snprintf(path, sizeof path, "/proc/%d/stat", (int)s->pid);
	if ((f = fopen(path, "r")) == NULL)
		return false;
	/* Fields 14 and 15, counted behind the name, which may hold anything. */
	got = fgets(line, sizeof line, f) != NULL && (p = strrchr(line, ')')) != NULL &&
	      sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
		  &kernel) == 2;
	fclose(f);
	out->cpu_s = (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
	snprintf(path, sizeof path, "/proc/%d/status", (int)s->pid);
	if ((f = fopen(path, "r")) == NULL)
		return false;
	while (fgets(line, sizeof line, f) != NULL)
		if (sscanf(line, "VmHWM: %lu kB", &kb) == 1)
			break;
	fclose(f);
	out->rss_mb = (double)kb / 1024.0;
	out->syncs = s->syncs != NULL ? *(const volatile uint64_t *)s->syncs : 0;
	return got;
}

double
server_threads_cpu(const struct server *s, const char *name)
{
	char folder[64], path[384], line[1024], *open, *close;
	unsigned long user = 0, kernel = 0, sum = 0;
	struct dirent *e;
	DIR *d;

	snprintf(folder, sizeof folder, "/proc/%d/task", (int)s->pid);
	if ((d = opendir(folder)) == NULL)
		return 0;
	while ((e = readdir(d)) != NULL) {
		FILE *f;

		snprintf(path, sizeof path, "%s/%.255s/stat", folder, e->d_name);
		if ((f = fopen(path, "r")) == NULL)
			continue;
		/* Fields 2 (in brackets), 14 and 15. */
		if (fgets(line, sizeof line, f) != NULL && (open = strchr(line, '(')) != NULL &&
		    (close = strrchr(line, ')')) != NULL &&
		    strncmp(open + 1, name, strlen(name)) == 0 &&
		    sscanf(close + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
			&kernel) == 2)
			sum += user + kernel;
		fclose(f);
	}
	closedir(d);
	return (double)sum / (double)sysconf(_SC_CLK_TCK);
}

/* Walk a folder: allocated bytes of everything in it; 'gone' also removes it. */
static uint64_t
walk(const char *folder, bool gone)
{
	char *const roots[] = {(char *)(uintptr_t)folder, NULL};
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	uint64_t bytes = 0;
	FTSENT *e;

	if (fts == NULL)
		return 0;
	while ((e = fts_read(fts)) != NULL) {
		/* A sparse file counts what it takes on the disk. */
		if (e->fts_info == FTS_F)
			bytes += (uint64_t)e->fts_statp->st_blocks * 512;
		if (gone && e->fts_info != FTS_D)
			remove(e->fts_accpath);
	}
	fts_close(fts);
	return bytes;
}

static uint64_t
allocated(const char *folder)
{
	char data[384];

	snprintf(data, sizeof data, "%s/data", folder);
	return walk(data, false);
}

uint64_t
server_stop(struct server *s)
{
	int status = 0;

	if (s->pid <= 0)
		return 0;
	kill(s->pid, SIGTERM);
	for (int ms = 0; ms < STOP_MS; ms += 20) {
		if (waitpid(s->pid, &status, WNOHANG) == s->pid) {
			s->pid = 0;
			return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? allocated(s->folder)
									     : 0;
		}
		sleep_ms(20);
	}
	kill(s->pid, SIGKILL);
	waitpid(s->pid, &status, 0);
	s->pid = 0;
	return 0;
}

void
server_remove(const struct server *s, bool keep)
{
	if (s->folder[0] == '\0')
		return;
	if (keep)
		fail(0, "the server's folder is %s", s->folder);
	else
		walk(s->folder, true);
}
