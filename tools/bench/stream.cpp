// SPDX-License-Identifier: Apache-2.0
// How many bytes a stream brings to another process in a second, over several ways in turn: A, B, A, B … Every turn is a new
// connection. The time ends when the reader has said how much it got, so what only waits in a buffer does not count.
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <stdexcept>

#include <sys/socket.h>
#include <boost/json.hpp>

#include "arguments.hpp"
#include "peer.hpp"

namespace meshd::bench {

namespace json = boost::json;

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t read_size = 65536;

constexpr const char* usage =
    "usage: bench-stream [--write BYTES] [--duration-ms N] [--pairs N] [--work-us N] [--writer-cpu N] [--reader-cpu N] PEER...\n"
    "Writes as fast as it can to each peer in turn, --pairs times; prints one JSON object. --work-us: how long the reader is "
    "busy\n"
    "with each 64 KB before it reads on.\n";

struct Options {
    std::size_t write_size = 65536;
    std::chrono::milliseconds duration{1000};
    std::chrono::microseconds work{0};
    int pairs = 7;
    int writer_cpu = -1;
    int reader_cpu = -1;
    std::vector<Peer> peers;
};

Options parse_options(int argc, char** argv) {
    Options options;
    options.peers = parse_peers(argc, argv, [&](std::string_view option, std::string_view value) {
        if (option == "--write")
            options.write_size = static_cast<std::size_t>(parse_number(option, value, 1));
        else if (option == "--duration-ms")
            options.duration = std::chrono::milliseconds(parse_number(option, value, 1));
        else if (option == "--pairs")
            options.pairs = parse_number(option, value, 1);
        else if (option == "--work-us")
            options.work = std::chrono::microseconds(parse_number(option, value, 0));
        else if (option == "--writer-cpu")
            options.writer_cpu = parse_number(option, value, 0);
        else if (option == "--reader-cpu")
            options.reader_cpu = parse_number(option, value, 0);
        else
            return false;
        return true;
    });
    return options;
}

// Busy, as a program is that does something with what it read: sleeping would leave the CPU to the writer.
void work(Clock::duration duration) {
    const auto end = Clock::now() + duration;
    while (Clock::now() < end) continue;
}

void read_and_report(int fd, std::chrono::microseconds per_read_size) {
    std::vector<unsigned char> buffer(read_size);
    std::uint64_t total = 0;
    for (;;) {
        const auto got = ::recv(fd, buffer.data(), buffer.size(), 0);
        if (got < 0 && errno == EAGAIN) continue;  // on the short way also from a blocking socket: docs/acceleration.md
        if (got < 0) throw_errno("recv");
        if (got == 0) break;
        total += static_cast<std::uint64_t>(got);
        if (per_read_size.count() > 0) work(std::chrono::nanoseconds(per_read_size) * got / read_size);
    }
    send_all(fd, &total, sizeof total);
}

// Bytes per second.
double turn(const Peer& peer, const Options& options) {
    const auto connection = connect_to(peer);
    const std::vector<unsigned char> bytes(options.write_size, 'x');
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    const auto began = Clock::now();
    while (Clock::now() - began < options.duration) {
        send_all(connection.get(), bytes.data(), bytes.size());
        sent += bytes.size();
    }
    if (::shutdown(connection.get(), SHUT_WR) != 0) throw_errno("shutdown");
    if (!receive_all(connection.get(), &received, sizeof received) || received != sent)
        throw std::runtime_error(peer.name + ": sent " + std::to_string(sent) + " bytes, " + std::to_string(received) +
                                 " arrived");
    return static_cast<double>(received) / std::chrono::duration<double>(Clock::now() - began).count();
}

void run(const Options& options) {
    std::vector<Child> readers;
    for (const auto& peer : options.peers)
        if (peer.listen)
            readers.push_back(serve_alone(peer, options.reader_cpu, [&](int fd) { read_and_report(fd, options.work); }));
    pin_to(options.writer_cpu);
    std::vector<json::array> rates(options.peers.size());
    for (int pair = 0; pair < options.pairs; ++pair)
        for (std::size_t i = 0; i < options.peers.size(); ++i) rates[i].emplace_back(turn(options.peers[i], options));

    json::array peers;
    for (std::size_t i = 0; i < options.peers.size(); ++i)
        peers.push_back(json::object{{"name", options.peers[i].name}, {"bytes_per_s", std::move(rates[i])}});
    std::cout << json::serialize(json::object{{"write", options.write_size}, {"peers", std::move(peers)}}) << '\n';
}

}  // namespace

}  // namespace meshd::bench

int main(int argc, char** argv) {
    return meshd::bench::run_tool("bench-stream", std::string(meshd::bench::usage) + meshd::bench::peer_usage, [&] {
        meshd::bench::run(meshd::bench::parse_options(argc, argv));
        return 0;
    });
}
