// SPDX-License-Identifier: Apache-2.0
// What probing many backends costs and how late probes begin, beside bare connects of the same number at the same pace: in turn,
// so that what else happens on the machine meets both alike.
#include <array>
#include <chrono>
#include <iostream>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>

#include "arguments.hpp"
#include "health/prober.hpp"
#include "process.hpp"
#include "sockets.hpp"

namespace meshd::bench {

namespace json = boost::json;

namespace {

using namespace std::chrono_literals;
using health::Clock;

struct Options {
    int targets = 5000;
    int interval_ms = 1000;
    int turns = 3;
    int seconds = 10;  // of each
    model::ProbeType type = model::ProbeType::tcp;
    int cpu = -1;
};

constexpr const char* usage =
    "usage: bench-probes [--targets N] [--interval-ms N] [--turns N] [--seconds N] [--type tcp|http] [--cpu N]\n"
    "--cpu: of the prober; the server runs on another. Prints one JSON object.\n";

double cpu_seconds() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

// One listener for every address of 127.0.0.0/8: each is another backend.
base::SocketAddress backend(int number, std::uint16_t port) {
    base::SocketAddress address{*base::IpAddress::parse("127.1.0.1"), port};
    address.address.bytes[14] = static_cast<std::uint8_t>(number / 250);
    address.address.bytes[15] = static_cast<std::uint8_t>(1 + number % 250);
    return address;
}

std::uint16_t port_of(int listener) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    if (::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0) throw_errno("getsockname");
    return ntohs(address.sin_port);
}

void answer_all(int listener, bool is_http) {
    constexpr std::string_view answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    std::array<char, 1024> request{};
    for (;;) {
        const base::UniqueFd connection(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
        if (!connection.valid() || !is_http) continue;
        if (::recv(connection.get(), request.data(), request.size(), 0) > 0)
            (void)::send(connection.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
    }
}

// The least that a probe of TCP can be: connect, look whether it worked, reset.
double bare_percent(const Options& options, std::uint16_t port) {
    const auto begin = Clock::now();
    const auto cpu = cpu_seconds();
    const auto pace = std::chrono::nanoseconds(1ms) * options.interval_ms / options.targets;
    for (std::int64_t done = 0; Clock::now() - begin < std::chrono::seconds(options.seconds);) {
        const auto due = (Clock::now() - begin) / pace;
        for (; done < due; ++done) {
            const base::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
            reset_on_close(fd.get());
            const auto target = to_raw(backend(static_cast<int>(done % options.targets), port));
            if (::connect(fd.get(), target.get(), target.length) != 0) throw_errno("connect");
        }
        ::usleep(2000);
    }
    return (cpu_seconds() - cpu) / options.seconds * 100;
}

struct Turn {
    double percent = 0;
    std::uint64_t probes = 0, failures = 0;
    std::uint64_t late = 0;  // by more than 50 ms
    double p99_ms = 0;       // the bound of the bucket that it lies in; 0: beyond all
};

Turn probe(const Options& options, std::uint16_t port) {
    model::Service service;
    service.name = "bench";
    auto& probe = service.health.probe.emplace();
    probe.type = options.type;
    probe.interval_ms = static_cast<std::uint32_t>(options.interval_ms);
    probe.timeout_ms = static_cast<std::uint32_t>(options.interval_ms);
    service.ports = {{"", 80, base::Protocol::tcp, {}}};
    for (int i = 0; i < options.targets; ++i)
        service.ports[0].backends.push_back({backend(i, port), 1, model::BackendState::ready, {}});

    boost::asio::io_context context(1);
    health::Prober prober(context, [] {});
    prober.set(service);
    // The first interval brings the targets in; then it is measured.
    context.run_for(std::chrono::milliseconds(options.interval_ms));
    const auto before = prober.figures();
    const auto cpu = cpu_seconds();
    context.run_for(std::chrono::seconds(options.seconds));
    const auto& after = prober.figures();

    Turn turn;
    turn.percent = (cpu_seconds() - cpu) / options.seconds * 100;
    for (std::size_t i = 0; i < after.results.size(); ++i)
        (i == 0 ? turn.probes : turn.failures) += after.results[i] - before.results[i];
    turn.probes += turn.failures;
    std::uint64_t all = 0;
    for (std::size_t i = 0; i < after.lateness.buckets.size(); ++i) {
        const auto count = after.lateness.buckets[i] - before.lateness.buckets[i];
        all += count;
        if (i >= after.lateness.bounds_us.size() || after.lateness.bounds_us[i] > 50000) turn.late += count;
    }
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < after.lateness.bounds_us.size() && turn.p99_ms == 0; ++i) {
        sum += after.lateness.buckets[i] - before.lateness.buckets[i];
        if (sum * 100 >= all * 99) turn.p99_ms = static_cast<double>(after.lateness.bounds_us[i]) / 1000;
    }
    return turn;
}

json::object measure(const Options& options) {
    const auto listener = listen_on(*base::SocketAddress::parse("0.0.0.0:0"));
    const auto flags = ::fcntl(listener.get(), F_GETFL);
    if (flags < 0 || ::fcntl(listener.get(), F_SETFL, flags & ~O_NONBLOCK) < 0) throw_errno("fcntl");
    const auto port = port_of(listener.get());
    const Child server([&] { answer_all(listener.get(), options.type == model::ProbeType::http); });
    pin_to(options.cpu);

    json::array percents;
    json::array bare;
    json::array p99s;
    std::uint64_t probes = 0;
    std::uint64_t failures = 0;
    std::uint64_t late = 0;
    for (int turn = 0; turn < options.turns; ++turn) {
        if (options.type == model::ProbeType::tcp) bare.emplace_back(bare_percent(options, port));
        const auto one = probe(options, port);
        percents.emplace_back(one.percent);
        p99s.emplace_back(one.p99_ms);
        probes += one.probes;
        failures += one.failures;
        late += one.late;
    }
    return {{"percent", std::move(percents)},
            {"bare_percent", std::move(bare)},
            {"lateness_p99_ms", std::move(p99s)},
            {"probes", probes},
            {"failures", failures},
            {"late", late}};
}

bool set(Options& options, std::string_view option, std::string_view text) {
    if (option == "--type") {
        const auto type = model::parse_probe_type(text);
        if (!type || (*type != model::ProbeType::tcp && *type != model::ProbeType::http))
            throw std::invalid_argument("--type is tcp or http");
        options.type = *type;
        return true;
    }
    const int value = parse_number(option, text, option == "--cpu" ? 0 : 1);
    if (option == "--targets")
        options.targets = value;
    else if (option == "--interval-ms")
        options.interval_ms = value;
    else if (option == "--turns")
        options.turns = value;
    else if (option == "--seconds")
        options.seconds = value;
    else if (option == "--cpu")
        options.cpu = value;
    else
        return false;
    return true;
}

}  // namespace

}  // namespace meshd::bench

int main(int argc, char** argv) {
    return meshd::bench::run_tool("bench-probes", meshd::bench::usage, [&] {
        meshd::bench::Options options;
        meshd::bench::parse_arguments(
            {argv + 1, static_cast<std::size_t>(argc - 1)},
            [&](std::string_view option, std::string_view value) { return meshd::bench::set(options, option, value); },
            [](std::string_view operand) { throw std::invalid_argument("\"" + std::string(operand) + "\" is no option"); });
        std::cout << boost::json::serialize(meshd::bench::measure(options)) << std::endl;
        return 0;
    });
}
