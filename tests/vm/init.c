/* SPDX-License-Identifier: MIT */

/*
 * Process 1 of the test machine: sets up what programs expect of a system, runs
 * the jobs listed in /vm/jobs one after the other and powers off. What it has to
 * tell goes to the host in frames, see init-console.h.
 *
 * /vm/jobs is a sequence of strings, each ended by a NUL: for each job the user
 * id, the time limit in seconds, the number of arguments, the arguments, the
 * number of environment strings, these strings.
 */

#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "init-console.h"

#define JOBS_MAX (1024 * 1024)

struct job {
	unsigned number;
	unsigned uid;
	unsigned limit;
	char **argv;
	char **envp;
};

static void power_off(void)
{
	message('E', 0, "");
	flush_console();
	sync();
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

static void mount_at(const char *type, const char *target, const char *options)
{
	mkdir(target, 0755);
	if (mount(type, target, type, MS_NOSUID, options) != 0)
		failed(target);
}

static int is_empty(const char *path)
{
	DIR *directory = opendir(path);
	struct dirent *entry;
	int empty = 1;

	while (directory && (entry = readdir(directory)))
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			empty = 0;
	if (directory)
		closedir(directory);
	return empty;
}

static void loopback_up(void)
{
	struct ifreq request = {.ifr_name = "lo"};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request) != 0) {
		failed("lo");
	} else {
		request.ifr_flags |= IFF_UP;
		if (ioctl(fd, SIOCSIFFLAGS, &request) != 0)
			failed("lo");
	}
	if (fd >= 0)
		close(fd);
}

static void set_up_system(void)
{
	umask(0);
	mount_at("devtmpfs", "/dev", "mode=755");
	set_up_console();
	mount_at("proc", "/proc", NULL);
	mount_at("sysfs", "/sys", NULL);
	mount_at("devpts", "/dev/pts", "ptmxmode=666,mode=620,gid=5");
	mount_at("tmpfs", "/dev/shm", "mode=1777");
	mount_at("cgroup2", "/sys/fs/cgroup", NULL);
	/* Programs built below /tmp lie there in the initramfs too. */
	mkdir("/tmp", 01777);
	if (is_empty("/tmp"))
		mount_at("tmpfs", "/tmp", "mode=1777");
	else
		chmod("/tmp", 01777);
	if (symlink("/proc/self/fd", "/dev/fd") != 0 ||
	    symlink("/proc/self/fd/0", "/dev/stdin") != 0 ||
	    symlink("/proc/self/fd/1", "/dev/stdout") != 0 ||
	    symlink("/proc/self/fd/2", "/dev/stderr") != 0)
		failed("/dev/fd");
	if (sethostname("vm", 2) != 0)
		failed("host name");
	loopback_up();
	umask(022);
}

/* Milliseconds on a clock that does not jump. */
static long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void run_child(const struct job *job, int output)
{
	sigset_t none;
	int null = open("/dev/null", O_RDONLY);
	char text[200];

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	/* The program gets descriptors 0 to 2 and nothing else: all the others
	 * here, this pipe included, are close-on-exec. */
	dup2(null, 0);
	dup2(output, 1);
	dup2(output, 2);
	if (null > 2)
		close(null);
	if (chdir("/tmp") == 0 && setgroups(0, NULL) == 0 &&
	    setgid(job->uid) == 0 && setuid(job->uid) == 0)
		execve(job->argv[0], job->argv, job->envp);
	snprintf(text, sizeof text, "init: cannot run %s: %s\n", job->argv[0],
		 strerror(errno));
	write_all(2, text, strlen(text));
	_exit(127);
}

/* Passes on what the job has printed; false at the end of its output. */
static int relay(const struct job *job, int output)
{
	char data[CHUNK];
	ssize_t n;

	while ((n = read(output, data, sizeof data)) > 0)
		frame('O', job->number, data, (size_t)n);
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

/*
 * Reaps whatever has ended. Returns the number of processes that were reaped;
 * -1 if there are no children at all. Process `wanted` is not counted, its wait
 * status goes to *status and *ended is set.
 */
static int reap(pid_t wanted, int *status, int *ended)
{
	int count = 0;
	int value;
	pid_t pid;

	while ((pid = waitpid(-1, &value, WNOHANG)) > 0) {
		if (pid == wanted) {
			*status = value;
			*ended = 1;
		} else {
			count++;
		}
	}
	return pid < 0 && count == 0 ? -1 : count;
}

/* Ends what outlived the job, so that the next one starts in a clean system;
 * returns how many processes there were. */
static int clean_up(int output, const struct job *job)
{
	long start = now();
	int unused, left = 0;
	int killed = 0;

	for (;;) {
		int count = reap(-1, &unused, &unused);

		relay(job, output);
		if (count < 0 || now() - start > 5000)
			return left;
		if (killed)
			left += count;
		/* Processes that are about to end are not counted: the kernel
		 * needs a moment for those it has just killed. */
		if (now() - start > 200) {
			kill(-1, SIGKILL);
			killed = 1;
		}
		poll(NULL, 0, 5);
	}
}

static void report_end(const struct job *job, int timeout, int status, int left)
{
	char text[80];
	int length;

	if (timeout)
		length = sprintf(text, "timeout %u", job->limit);
	else if (WIFEXITED(status))
		length = sprintf(text, "exited %d", WEXITSTATUS(status));
	else
		length = sprintf(text, "killed %d", WTERMSIG(status));
	if (left > 0)
		sprintf(text + length, " left %d", left);
	message('X', job->number, text);
}

static void run_job(const struct job *job, int signals)
{
	long end = now() + (long)job->limit * 1000;
	int status = 0, ended = 0, timeout = 0, open_output = 1, left;
	int output[2];
	pid_t pid;

	message('S', job->number, job->argv[0]);
	if (pipe2(output, O_CLOEXEC) != 0 || (pid = fork()) < 0) {
		failed("cannot start a job");
		return;
	}
	if (pid == 0)
		run_child(job, output[1]);
	close(output[1]);
	fcntl(output[0], F_SETFL, O_NONBLOCK);

	while (!ended) {
		struct pollfd wait[] = {{.fd = signals, .events = POLLIN},
					{.fd = open_output ? output[0] : -1,
					 .events = POLLIN}};
		struct signalfd_siginfo info;
		long rest = end - now();

		if (rest <= 0) {
			/* First a chance to say where it hung; then the job and
			 * all that it started goes. */
			kill(timeout ? -1 : pid, timeout ? SIGKILL : SIGTERM);
			timeout = 1;
			end += 3000;
			continue;
		}
		poll(wait, 2, (int)rest);
		while (read(signals, &info, sizeof info) > 0)
			;
		if (open_output)
			open_output = relay(job, output[0]);
		reap(pid, &status, &ended);
	}
	left = clean_up(output[0], job);
	relay(job, output[0]);
	close(output[0]);
	report_end(job, timeout, status, left);
}

/* The next string of the job list. */
static char *next(char **position)
{
	char *string = *position;

	*position += strlen(string) + 1;
	return string;
}

static char **next_list(char **position)
{
	unsigned count = (unsigned)atoi(next(position));
	char **list = calloc(count + 1, sizeof *list);

	for (unsigned i = 0; list && i < count; i++)
		list[i] = next(position);
	return list;
}

static void run_jobs(char *list, size_t size, int signals)
{
	char *position = list;
	struct job job = {0};

	while (position < list + size) {
		job.number++;
		job.uid = (unsigned)atoi(next(&position));
		job.limit = (unsigned)atoi(next(&position));
		job.argv = next_list(&position);
		job.envp = next_list(&position);
		if (!job.argv || !job.envp)
			return failed("job list");
		run_job(&job, signals);
	}
}

/* The console shows only the kernel's last words; its errors come here. */
static void report_kernel_errors(void)
{
	char record[CHUNK];
	ssize_t n;
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	while (fd >= 0 && ((n = read(fd, record, sizeof record - 1)) > 0 ||
			   (n < 0 && errno == EPIPE))) {
		char *text;

		if (n < 0)
			continue;
		record[n] = 0;
		text = strchr(record, ';');
		if (!text || (atoi(record) & 7) > 3)
			continue;
		text[strcspn(text, "\n")] = 0;
		message('K', 0, text + 1);
	}
	if (fd >= 0)
		close(fd);
}

int main(void)
{
	static char list[JOBS_MAX + 1];
	struct utsname name;
	sigset_t mask;
	ssize_t size;
	int signals, fd;

	set_up_system();
	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	signals = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
	uname(&name);
	message('B', 0, name.release);
	fd = open("/vm/jobs", O_RDONLY | O_CLOEXEC);
	size = fd < 0 ? -1 : read(fd, list, JOBS_MAX);
	if (size < 0 || signals < 0)
		failed("/vm/jobs");
	else
		run_jobs(list, (size_t)size, signals);
	if (fd >= 0)
		close(fd);
	report_kernel_errors();
	power_off();
}
