// A program with the fault that it is told to have, to show that the sanitizers' reports fail a test.
#include <climits>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <thread>

namespace {

int shared = 0;

void race() {
    std::thread other([] { ++shared; });
    ++shared;
    other.join();
}

int freed() {
    auto owner = std::make_unique<int>(1);
    const volatile int* number = owner.get();
    owner.reset();
    return *number;
}

int overflow(int one) {
    int most = INT_MAX;
    most += one;
    return most;
}

}  // namespace

int main(int argc, char** argv) {
    const std::string fault = argc > 1 ? argv[1] : "";
    if (fault == "race") {
        race();
        std::cout << shared << '\n';
    } else if (fault == "freed") {
        std::cout << freed() << '\n';
    } else if (fault == "overflow") {
        std::cout << overflow(argc - 1) << '\n';
    } else if (fault == "leak") {
        // Many: the last may still be in a register.
        for (std::size_t i = 1; i < 100; ++i) std::cout << (std::malloc(i) == nullptr);
    } else {
        std::cerr << "race, freed, overflow, leak or, for none, nothing\n";
        return fault.empty() ? 0 : 2;
    }
    return 0;
}
