// SPDX-License-Identifier: Apache-2.0
// How long a message takes to another process and back, over several ways in turn: A, B, A, B …, so that what else happens on the
// machine meets all of them alike. Every way keeps one connection from the beginning to the end.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <stdexcept>

#include <boost/json.hpp>

#include "arguments.hpp"
#include "peer.hpp"

namespace meshd::bench {

namespace json = boost::json;

namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* usage =
    "usage: bench-pingpong [--size BYTES] [--count N] [--pairs N] [--client-cpu N] [--server-cpu N] PEER...\n"
    "Sends a message there and back --count times over each peer in turn, --pairs times; prints one JSON object.\n";

struct Options {
    std::size_t size = 64;
    int count = 20000;  // round trips of one peer in one turn
    int pairs = 7;
    int client_cpu = -1;
    int server_cpu = -1;
    std::vector<Peer> peers;
};

Options parse_options(int argc, char** argv) {
    Options options;
    options.peers = parse_peers(argc, argv, [&](std::string_view option, std::string_view value) {
        if (option == "--size")
            options.size = static_cast<std::size_t>(parse_number(option, value, 1));
        else if (option == "--count")
            options.count = parse_number(option, value, 1);
        else if (option == "--pairs")
            options.pairs = parse_number(option, value, 1);
        else if (option == "--client-cpu")
            options.client_cpu = parse_number(option, value, 0);
        else if (option == "--server-cpu")
            options.server_cpu = parse_number(option, value, 0);
        else
            return false;
        return true;
    });
    return options;
}

void echo(int fd, std::size_t size) {
    std::vector<unsigned char> message(size);
    while (receive_all(fd, message.data(), size)) send_all(fd, message.data(), size);
}

struct Runner {
    base::UniqueFd connection;
    json::array medians_ns, p99s_ns, per_second;
};

std::vector<std::int64_t> turn(const Runner& runner, std::size_t size, int count) {
    std::vector<unsigned char> message(size, 'x');
    std::vector<std::int64_t> samples;
    samples.reserve(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) {
        const auto began = Clock::now();
        send_all(runner.connection.get(), message.data(), size);
        if (!receive_all(runner.connection.get(), message.data(), size)) throw std::runtime_error("the other end has closed");
        samples.push_back(std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - began).count());
    }
    return samples;
}

void record(Runner& runner, std::vector<std::int64_t> samples) {
    std::int64_t sum_ns = 0;
    for (const auto sample : samples) sum_ns += sample;
    std::sort(samples.begin(), samples.end());
    runner.medians_ns.emplace_back(samples[samples.size() / 2]);
    runner.p99s_ns.emplace_back(samples[samples.size() * 99 / 100]);
    runner.per_second.emplace_back(static_cast<double>(samples.size()) * 1e9 / static_cast<double>(sum_ns));
}

void run(const Options& options) {
    std::vector<Child> servers;
    for (const auto& peer : options.peers)
        if (peer.listen) servers.push_back(serve_alone(peer, options.server_cpu, [&](int fd) { echo(fd, options.size); }));
    pin_to(options.client_cpu);
    std::vector<Runner> runners(options.peers.size());
    for (std::size_t i = 0; i < runners.size(); ++i) {
        runners[i].connection = connect_to(options.peers[i]);
        turn(runners[i], options.size, std::max(1, options.count / 5));  // caches are warm for the first turn as for the last
    }
    for (int pair = 0; pair < options.pairs; ++pair)
        for (auto& runner : runners) record(runner, turn(runner, options.size, options.count));

    json::array peers;
    for (std::size_t i = 0; i < runners.size(); ++i)
        peers.push_back(json::object{{"name", options.peers[i].name},
                                     {"median_ns", std::move(runners[i].medians_ns)},
                                     {"p99_ns", std::move(runners[i].p99s_ns)},
                                     {"round_trips_per_s", std::move(runners[i].per_second)}});
    std::cout << json::serialize(json::object{{"size", options.size}, {"count", options.count}, {"peers", std::move(peers)}})
              << '\n';
}

}  // namespace

}  // namespace meshd::bench

int main(int argc, char** argv) {
    return meshd::bench::run_tool("bench-pingpong", std::string(meshd::bench::usage) + meshd::bench::peer_usage, [&] {
        meshd::bench::run(meshd::bench::parse_options(argc, argv));
        return 0;
    });
}
