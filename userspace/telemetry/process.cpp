// SPDX-License-Identifier: Apache-2.0
#include "telemetry/process.hpp"

#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>

#include <sys/resource.h>
#include <unistd.h>

#include "telemetry/exposition.hpp"

namespace meshd::telemetry {

namespace {

std::optional<double> resident_bytes() {
    std::ifstream statm("/proc/self/statm");
    double size = 0;
    double resident = 0;  // in pages, proc(5)
    if (!(statm >> size >> resident)) return std::nullopt;
    return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

std::optional<double> cpu_seconds() {
    rusage usage{};
    if (::getrusage(RUSAGE_SELF, &usage) < 0) return std::nullopt;
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Field 22 of /proc/self/stat (proc(5)) counts ticks since boot; btime of /proc/stat is when that was.
std::optional<double> start_time() {
    std::ifstream stat("/proc/self/stat");
    const std::string text(std::istreambuf_iterator<char>(stat), {});
    const auto end_of_name = text.rfind(')');  // field 2 may hold spaces
    if (end_of_name == std::string::npos) return std::nullopt;
    std::istringstream fields(text.substr(end_of_name + 1));
    std::string field;
    for (int number = 3; number <= 22; ++number)
        if (!(fields >> field)) return std::nullopt;
    std::ifstream system("/proc/stat");
    for (std::string key; system >> key;) {
        double boot = 0;
        if (key == "btime" && system >> boot) return boot + std::stod(field) / static_cast<double>(::sysconf(_SC_CLK_TCK));
    }
    return std::nullopt;
}

}  // namespace

std::vector<prometheus::MetricFamily> process_families(std::string_view prefix) {
    const std::string name(prefix);
    std::vector<prometheus::MetricFamily> families;
    if (const auto bytes = resident_bytes())
        families.push_back(gauge(name + "_resident_memory_bytes", "Resident memory of the process.", *bytes));
    if (const auto seconds = cpu_seconds())
        families.push_back(counter(name + "_cpu_seconds_total", "User and system CPU time of the process.", *seconds));
    if (const auto seconds = start_time())
        families.push_back(gauge(name + "_start_time_seconds", "Start of the process, in seconds since the epoch.", *seconds));
    return families;
}

}  // namespace meshd::telemetry
