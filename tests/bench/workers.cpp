/* SPDX-License-Identifier: MIT */
/* Starts the parents that are measured, and gives them their rounds in turn. */
#include "workers.hpp"
#include "ways.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace bench
{

namespace
{

struct worker {
	pid_t pid;
	FILE *in, *out;
};

[[noreturn]] void give_up(const char *what)
{
	perror(what);
	exit(1);
}

std::string loader_in(const std::string &directory)
{
	DIR *const d = opendir(directory.c_str());
	if (!d)
		give_up(directory.c_str());
	std::string found;
	while (const dirent *const e = readdir(d))
		if (strncmp(e->d_name, "ld-linux", 8) == 0)
			found = directory + "/" + e->d_name;
	closedir(d);
	return found;
}

worker start(const size &s, unsigned rounds, const std::string &loader)
{
	char self[4096] = "";
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		give_up("/proc/self/exe");
	std::vector<std::string> words;
	if (!loader.empty())
		words = {loader_in(loader), "--library-path", loader};
	for (const std::string &word :
		{std::string(self), std::string("--worker"), std::string(program),
			std::to_string(s.gib), std::to_string(s.descriptors),
			std::to_string(s.threads), std::to_string(rounds)})
		words.push_back(word);
	std::vector<char *> argv;
	for (std::string &word : words)
		argv.push_back(word.data());
	argv.push_back(nullptr);

	int in[2], out[2];
	if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0)
		give_up("pipe2");
	worker w;
	w.pid = fork();
	if (w.pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		execv(argv[0], argv.data());
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	w.in = fdopen(in[1], "w");
	w.out = fdopen(out[0], "r");
	return w;
}

void await(worker &w)
{
	if (fgetc(w.out) != '+') {
		fprintf(stderr, "bench: a worker has failed\n");
		exit(1);
	}
}

void round_of(worker &w)
{
	fputc('.', w.in);
	fflush(w.in);
	await(w);
}

std::vector<measured> results(worker &w, std::string &libc)
{
	fclose(w.in);
	std::vector<measured> all;
	char line[512], name[128], why[256];
	if (fgets(line, sizeof(line), w.out))
		libc = std::string(line, strcspn(line, "\n"));
	while (fgets(line, sizeof(line), w.out)) {
		measured m;
		why[0] = '\0';
		if (sscanf(line, "%127[^\t]\t%lf\t%lf\t%255[^\n]", name, &m.to_return,
			    &m.to_exit, why) < 3)
			continue;
		m.name = name;
		m.why = why;
		all.push_back(m);
	}
	fclose(w.out);
	waitpid(w.pid, nullptr, 0);
	return all;
}

const measured *find(const std::vector<measured> &all, const std::string &name)
{
	for (const measured &m : all)
		if (m.name == name && m.to_return > 0)
			return &m;
	return nullptr;
}

} // namespace

double point::returned(const std::string &name) const
{
	const measured *const m = find(with, name);
	return m ? m->to_return : 0;
}

double point::ratio(const std::string &name, const std::string &to) const
{
	const double base = returned(to);
	return base > 0 ? returned(name) / base : 0;
}

double point::to_empty(const std::string &name) const
{
	const measured *const m = find(empty, name);
	return m ? returned(name) / m->to_return : 0;
}

point run_point(const char *axis, const std::string &label, const size &s,
	unsigned rounds, const std::string &loader)
{
	fprintf(stderr, "bench: %s %s\n", axis, label.c_str());
	point p;
	std::string ignored;
	worker measured_one = start(s, rounds, loader), empty_one = start({}, rounds, "");
	await(measured_one);
	await(empty_one);
	for (unsigned i = 0; i < rounds; i++) {
		round_of(measured_one);
		round_of(empty_one);
	}
	p.axis = axis;
	p.label = label;
	p.with = results(measured_one, p.libc);
	p.empty = results(empty_one, ignored);
	return p;
}

} // namespace bench
