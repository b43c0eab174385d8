// The fuzz targets without libFuzzer: each input of the corpus, and some thousand that differ from one by a few bytes,
// the same in every run. A short run for every build; scripts/fuzz searches.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

constexpr int rounds_max = 3000;
constexpr std::size_t input_bytes_max = 4096;

using Random = std::mt19937;

std::size_t below(Random& random, std::size_t end) {
    return std::uniform_int_distribution<std::size_t>(0, end - 1)(random);
}

std::string changed(Random& random, std::string input, const std::string& other) {
    for (std::size_t changes = 1 + below(random, 4); changes > 0; --changes) {
        const std::size_t at = below(random, input.size() + 1);
        switch (below(random, 4)) {
            case 0:
                if (at < input.size()) input[at] = static_cast<char>(below(random, 256));
                break;
            case 1:
                input.insert(at, 1, static_cast<char>(below(random, 256)));
                break;
            case 2:
                input.erase(at, 1 + below(random, 8));
                break;
            default:
                input.insert(at, other.substr(below(random, other.size() + 1), 64));
                break;
        }
    }
    return input.substr(0, input_bytes_max);
}

void run(const std::string& input) {
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

}  // namespace

int main(int argc, char** argv) {
    std::vector<std::filesystem::path> files;
    for (int i = 1; i < argc; ++i) {
        for (const auto& entry : std::filesystem::directory_iterator(argv[i])) files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    std::vector<std::string> corpus;
    for (const auto& file : files) {
        std::ifstream in(file, std::ios::binary);
        corpus.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
        run(corpus.back());
    }
    if (corpus.empty()) {
        std::cerr << "there is no corpus; usage: " << argv[0] << " DIRECTORY...\n";
        return EXIT_FAILURE;
    }
    Random random(1);
    for (int round = 0; round < rounds_max; ++round) {
        const std::string input =
            changed(random, corpus[below(random, corpus.size())], corpus[below(random, corpus.size())]);
        // What it was is needed when this one crashes. Beside the program: that is in the build tree, wherever it is
        // run from.
        std::ofstream(std::string(argv[0]) + ".last-input", std::ios::binary) << input;
        run(input);
    }
    std::cout << corpus.size() << " inputs, and " << rounds_max << " that differ from one\n";
    return EXIT_SUCCESS;
}
