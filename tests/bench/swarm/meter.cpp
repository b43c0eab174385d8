#include "swarm/meter.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <sstream>

namespace mc::bench {

double Meter::cpu_seconds() const {
    if (pid_ == 0) return 0;
    std::ifstream file("/proc/" + std::to_string(pid_) + "/stat");
    std::string line;
    if (!std::getline(file, line)) give_up("the measured process has ended");
    std::istringstream fields(line.substr(line.rfind(')') + 2));
    std::string skipped;
    constexpr int before_user_time = 11;
    for (int i = 0; i < before_user_time; ++i) fields >> skipped;
    double user = 0;
    double system = 0;
    fields >> user >> system;
    return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

void Meter::begin(Clock::time_point now) {
    began_ = now;
    cpu_ = cpu_seconds();
    on_ = true;
}

void Meter::end(Clock::time_point now) {
    on_ = false;
    cpu_ = cpu_seconds() - cpu_;
    seconds_ = std::chrono::duration<double>(now - began_).count();
}

double Meter::quantile_us(double part) {
    if (done_ == 0) give_up("nothing was done");
    const auto at = took_us_.begin() + static_cast<std::ptrdiff_t>(part * static_cast<double>(took_us_.size() - 1));
    std::nth_element(took_us_.begin(), at, took_us_.end());
    return *at;
}

void Meter::print() {
    const auto done = static_cast<double>(done_);
    std::printf("{\"done\": %zu, \"per_second\": %.1f, \"cpu_us\": %.3f, \"p50_us\": %.1f, \"p99_us\": %.1f}\n", done_,
                done / seconds_, cpu_ * 1e6 / done, quantile_us(0.5), quantile_us(0.99));
}

}  // namespace mc::bench
