/* SPDX-License-Identifier: MIT */
/* Drawing children, and judging what came of them. */
#include "stress.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace stress
{

/* Never open here. */
static constexpr int no_descriptor = 900;
static constexpr const char *no_file = "/nonexistent/file";

world::world(std::string helper, unsigned number)
    : program(std::move(helper)), seed(number),
      program_fd(open(program.c_str(), O_PATH | O_CLOEXEC)),
      exit_info(spawnx_feature(SPAWNX_FEATURE_EXIT_INFO) == SPAWNX_NATIVE)
{
	grade[autoreap] = spawnx_feature(SPAWNX_FEATURE_AUTOREAP);
	grade[autokill] = spawnx_feature(SPAWNX_FEATURE_AUTOKILL);
	for (unsigned v = 0; v < variants; v++)
		attributes.push_back(attributes_of(v));
	actions.open(0, "/dev/null", O_RDONLY).dup2(0, 7).chdir("/");
	bad[0].chdir(no_file);
	bad[1].chdir("/").dup2(no_descriptor, 3);
	bad[2].chdir("/").close(5).open(1, no_file, O_WRONLY);
}

spx::attributes world::attributes_of(unsigned v) const
{
	spx::attributes a;
	const unsigned k = v % 4;
	int flags = 0;
	if (v & deaf) {
		sigset_t term;
		sigemptyset(&term);
		sigaddset(&term, SIGTERM);
		a.signal_mask(term);
		flags |= SPAWNX_SETSIGMASK;
	}
	if (v & closing)
		flags |= SPAWNX_CLOEXEC_DEFAULT;
	if (v & by_fd)
		a.exec_fd(program_fd);
	a.autoreap(k == autoreap).autokill(k == autokill);
	if (k != ordinary && is_weak(static_cast<kind>(k)))
		a.fallback(SPAWNX_FALLBACK_WEAKER);
	a.no_new_privs((v & no_new_privs) || k == autokill); /* else CAP_SYS_ADMIN */
	a.flags(static_cast<short>(flags));
	return a;
}

void tally::add(const tally &other)
{
	const auto sum = [](auto &to, const auto &from) {
		for (std::size_t i = 0; i < to.size(); i++)
			to[i] += from[i];
	};
	sum(of_kind, other.of_kind);
	sum(of_way, other.of_way);
	sum(good, other.good);
	sum(bad, other.bad);
}

std::uint64_t signal_mask()
{
	std::uint64_t set = 0;
	syscall(SYS_rt_sigprocmask, SIG_BLOCK, nullptr, &set, sizeof(set));
	return set;
}

/* Whole lines, whatever the thread. */
void say(const std::string &line)
{
	static std::mutex mutex;
	const std::lock_guard<std::mutex> lock(mutex);
	std::printf("%s\n", line.c_str());
	std::fflush(stdout);
}

worker::worker(world &w, unsigned number, long children)
    : shared(w), thread(number), left(children)
{
	std::seed_seq seeds{w.seed, number};
	random.seed(seeds);
}

/* Those that end a program without a core file; 32 and 33 are libc's. */
int worker::any_signal(bool not_term)
{
	static constexpr int fatal[] = {SIGHUP, SIGINT, SIGKILL, SIGUSR1, SIGUSR2,
		SIGPIPE, SIGALRM, SIGSTKFLT, SIGVTALRM, SIGPROF, SIGIO, SIGPWR, 34, 50,
		64, SIGTERM};
	return fatal[below(std::size(fatal) - (not_term ? 1 : 0))];
}

unsigned worker::any_variant(kind k)
{
	unsigned v = k == stolen ? ordinary : k;
	for (const auto &[bit, chance] :
		{std::pair(no_new_privs, 3u), {closing, 2u}, {by_fd, 8u}})
		v |= one_in(chance) ? bit : 0;
	return v;
}

life worker::begin()
{
	static constexpr kind chances[] = {ordinary, ordinary, ordinary, stolen, autoreap,
		autoreap, autokill, autokill};
	life l;
	l.what = chances[below(std::size(chances))];
	if (!shared.can(l.what))
		l.what = ordinary;
	const unsigned fate = below(20);
	l.end.exits = fate < 9;
	l.end.dies = fate >= 9 && fate < 13;
	l.deaf = fate >= 18;
	l.end.number = l.end.exits ? static_cast<int>(below(256)) : any_signal(false);
	l.delay_us = one_in(2) ? 0 : below(1500);

	const unsigned v = any_variant(l.what) | (l.deaf ? deaf : 0);
	std::vector<std::string> words = {"mortal", "pause"};
	if (l.end.ends())
		words[1] = (l.end.exits ? "exit:" : "signal:") +
			std::to_string(l.end.number);
	if (l.delay_us)
		words.push_back(std::to_string(l.delay_us));

	std::optional<spx::attributes> own;
	if (one_in(8))
		own = shared.attributes_of(v);
	const spx::attributes &attributes = own ? *own : shared.attributes[v];
	left--;
	begun++;
	std::error_code ec;
	switch (below(4)) {
	case 0:
		l.child = spx::start(shared.program, words, attributes, shared.actions);
		break;
	case 1:
		l.child = spx::start("mortal", words, spx::search::path, attributes);
		break;
	case 2:
		l.child =
			spx::start(shared.program, words, spx::environment(), attributes);
		break;
	default:
		l.child = spx::start(shared.program, words, attributes, ec);
		if (ec)
			throw std::system_error(ec, "start");
	}
	counts.of_kind[l.what]++;
	return l;
}

/* Between the others: it must say what failed, of this thread's last spawn, and be gone. */
void worker::fail_to_begin()
{
	kind k = one_in(2) ? ordinary : one_in(2) ? autoreap : autokill;
	const char *path = no_file;
	const spx::file_actions *actions = &shared.actions;
	spawnx_failure right = {};
	right.error = ENOENT;
	right.stage = SPAWNX_STAGE_EXEC;
	right.index = right.fd = -1;

	doing = "a spawn that fails";
	const unsigned way = below(bad_actions + 2);
	if (!shared.can(k)) {
		right.error = ENOTSUP;
		right.stage = SPAWNX_STAGE_FEATURE;
		right.index =
			k == autoreap ? SPAWNX_FEATURE_AUTOREAP : SPAWNX_FEATURE_AUTOKILL;
	} else if (way < bad_actions) {
		path = shared.program.c_str();
		actions = &shared.bad[way];
		right.stage = SPAWNX_STAGE_ACTION;
		right.index = static_cast<int>(way);
		right.fd = way == 1 ? no_descriptor : right.fd;
		right.error = way == 1 ? EBADF : ENOENT;
	} else if (way == bad_actions) {
		path = "/";
		right.error = EACCES;
	}

	const unsigned v = any_variant(k) & ~by_fd;
	spawnx_failure f = {};
	f.size = sizeof(f);
	life none;
	none.what = k;
	if (one_in(2)) {
		std::error_code ec;
		none.child = spx::start(path, {"x"}, shared.attributes[v], *actions, ec);
		f.error = ec.value();
		if (const int error = spawnx_lastfailure(&f))
			f.error = error;
	} else {
		try {
			none.child =
				spx::start(path, {"x"}, shared.attributes[v], *actions);
		} catch (const spx::error &e) {
			f = e.failure();
		}
	}
	judge(refused,
		!none.child && f.error == right.error && f.stage == right.stage &&
			f.index == right.index && (right.fd < 0 || f.fd == right.fd),
		&none,
		"error " + std::to_string(f.error) + ", stage " +
			std::to_string(f.stage) + ", index " + std::to_string(f.index));
}

static std::string in_words(const life &l)
{
	std::string text = kind_names[l.what];
	if (l.end.ends())
		text += (l.end.exits ? ", exits with " : ", dies of ") +
			std::to_string(l.end.number);
	text += ", after " + std::to_string(l.delay_us) + " us";
	text += std::string(l.deaf ? ", deaf" : "") + (l.reaped ? ", reaped" : "");
	for (int sig = 1; sig <= 64; sig++)
		if (l.end.signals >> (sig - 1) & 1)
			text += ", sent " + std::to_string(sig);
	return text;
}

bool worker::judge(property p, bool good, const life *l, const char *what)
{
	(good ? counts.good : counts.bad)[p]++;
	if (!good && counts.bad[p] <= 5)
		say("# thread " + std::to_string(thread) + ", child " +
			std::to_string(begun.load()) + ", " + doing.load() + ": " + what +
			(l ? " (" + in_words(*l) + ")" : ""));
	return good;
}

void worker::told(const life &l, int error, const spx::exit_status &s)
{
	if ((l.reaped || shared.is_weak(l.what)) && !shared.exit_info) {
		judge(unknown, error == ENODATA, &l, "a status nobody can know");
		return;
	}
	if (!error && l.end.allows(s)) {
		counts.good[status]++;
		return;
	}
	char text[100];
	std::snprintf(text, sizeof(text),
		"wrong status: error %d, exit code %d, signal %d", error, s.code(),
		s.signal());
	judge(status, false, &l, text);
}

void worker::run()
{
	/* Signals that end no program here: another set in each thread. */
	sigset_t set;
	sigemptyset(&set);
	for (const int sig :
		{SIGCHLD, SIGCONT, SIGURG, SIGWINCH, SIGTSTP, SIGTTIN, SIGTTOU})
		if (one_in(2))
			sigaddset(&set, sig);
	pthread_sigmask(SIG_BLOCK, &set, nullptr);
	const std::uint64_t mask = signal_mask();

	try {
		while (left > 0) {
			if (one_in(12))
				fail_to_begin();
			const auto start = std::chrono::steady_clock::now();
			finish(begin());
			longest = std::max(
				longest, std::chrono::steady_clock::now() - start);
			if (begun % 64 == 0 || left == 0)
				judge(masks, signal_mask() == mask, nullptr,
					"signal mask");
		}
	} catch (const std::exception &e) {
		say("# thread " + std::to_string(thread) + " ends early: " + e.what());
	}
	doing = "nothing any more";
	finished = true;
}

} // namespace stress
