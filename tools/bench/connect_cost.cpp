// SPDX-License-Identifier: Apache-2.0
// How long connect() itself takes, for several destinations in turn: A, B, A, B …, so that what else happens on the machine meets
// all of them alike. A socket's cgroup and namespace are those of its maker, so the tool moves itself before each turn.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <iostream>

#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>
#include <boost/json.hpp>

#include "arguments.hpp"
#include "connect_options.hpp"
#include "process.hpp"
#include "sockets.hpp"

namespace meshd::bench {

namespace json = boost::json;

namespace {

using Clock = std::chrono::steady_clock;

// A side with what it needs while the tool runs.
struct Runner {
    Side side;
    RawAddress target;
    base::UniqueFd netns;
    base::UniqueFd listener;
    json::array medians_ns, p99s_ns, means_ns;
};

void enter(const Runner& runner) {
    if (runner.netns.valid() && ::setns(runner.netns.get(), CLONE_NEWNET) != 0) throw_errno("enter " + runner.side.netns);
    enter_cgroup(runner.side.cgroup);
}

void accept_all(int listener) {
    for (;;) {
        const base::UniqueFd connection(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
        if (!connection.valid()) return;
    }
}

std::int64_t connect_once(const Runner& runner) {
    const bool stream = runner.side.protocol == base::Protocol::tcp;
    base::UniqueFd fd(::socket(runner.target.family(), (stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0));
    if (!fd.valid()) throw_errno("socket");
    if (stream) reset_on_close(fd.get());
    const auto began = Clock::now();
    const int result = ::connect(fd.get(), runner.target.get(), runner.target.length);
    const auto ended = Clock::now();
    if (result != 0) throw_errno("connect to " + runner.side.target.text() + " (" + runner.side.name + ")");
    fd.reset();
    if (runner.listener.valid()) accept_all(runner.listener.get());
    return std::chrono::duration_cast<std::chrono::nanoseconds>(ended - began).count();
}

std::vector<std::int64_t> turn(const Runner& runner, int count) {
    enter(runner);
    std::vector<std::int64_t> samples;
    samples.reserve(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) samples.push_back(connect_once(runner));
    std::sort(samples.begin(), samples.end());
    return samples;
}

void record(Runner& runner, const std::vector<std::int64_t>& sorted) {
    std::int64_t sum = 0;
    for (const auto sample : sorted) sum += sample;
    runner.medians_ns.emplace_back(sorted[sorted.size() / 2]);
    runner.p99s_ns.emplace_back(sorted[sorted.size() * 99 / 100]);
    runner.means_ns.emplace_back(sum / static_cast<std::int64_t>(sorted.size()));
}

std::vector<Runner> prepare(const std::vector<Side>& sides) {
    std::vector<Runner> runners;
    for (const auto& side : sides) {
        Runner runner;
        runner.side = side;
        runner.target = to_raw(side.target);
        // Every side names its namespace, so that the next one does not inherit it.
        const std::string path = side.netns.empty() ? "/proc/self/ns/net" : side.netns;
        runner.netns.reset(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        if (!runner.netns.valid()) throw_errno("open " + path);
        runners.push_back(std::move(runner));
    }
    for (auto& runner : runners) {
        enter(runner);
        if (runner.side.listen) runner.listener = listen_on(*runner.side.listen);
    }
    return runners;
}

void run(const Options& options) {
    pin_to(options.cpu);
    auto runners = prepare(options.sides);
    for (const auto& runner : runners)
        turn(runner, std::max(1, options.count / 10));  // caches are warm for the first pair as for the last
    for (int pair = 0; pair < options.pairs; ++pair)
        for (auto& runner : runners) record(runner, turn(runner, options.count));

    json::array sides;
    for (auto& runner : runners)
        sides.push_back(json::object{{"name", runner.side.name},
                                     {"median_ns", std::move(runner.medians_ns)},
                                     {"p99_ns", std::move(runner.p99s_ns)},
                                     {"mean_ns", std::move(runner.means_ns)}});
    std::cout << json::serialize(json::object{{"pairs", options.pairs}, {"count", options.count}, {"sides", std::move(sides)}})
              << '\n';
}

}  // namespace

}  // namespace meshd::bench

int main(int argc, char** argv) {
    return meshd::bench::run_tool("bench-connect", meshd::bench::usage, [&] {
        meshd::bench::run(meshd::bench::parse_options(argc, argv));
        return 0;
    });
}
