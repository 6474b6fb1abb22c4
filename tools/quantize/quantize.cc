// quantize IN OUT --type TYPE: the native twin of `pipit quantize`, on the same Quantiser.
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>

#include "base/str_cat.h"
#include "io/byte_stream.h"
#include "quant/quantiser.h"

namespace pipit {
namespace {

constexpr size_t kPartBytes = size_t{1} << 22;

constexpr const char* kUsage =
    "Usage: quantize IN OUT --type TYPE [--threads N] [--force]\n\n"
    "Writes the GGUF file IN, whose tensors are F32, F16 or BF16, as OUT with weights of TYPE:\n"
    "Q4_0, Q4_1, Q8_0, Q4_K, Q6_K, F16, BF16 or F32. --force replaces an OUT that exists.\n";

volatile std::sig_atomic_t stopped = 0;

struct Arguments {
  std::string in;
  std::string out;
  std::string type;
  size_t n_threads = std::thread::hardware_concurrency();
  bool force = false;
};

Status wrong_usage(const std::string& what) {
  return {StatusCode::kInvalidArgument, str_cat(what, "\n\n", kUsage)};
}

Result<Arguments> parse_arguments(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--force") {
      arguments.force = true;
    } else if (argument == "--type" && i + 1 < argc) {
      arguments.type = argv[++i];
    } else if (argument == "--threads" && i + 1 < argc) {
      arguments.n_threads = std::strtoul(argv[++i], nullptr, 10);
    } else if (argument.starts_with("-")) {
      return wrong_usage(str_cat("There is no option '", argument, "', or its value is missing."));
    } else if (arguments.in.empty()) {
      arguments.in = argument;
    } else if (arguments.out.empty()) {
      arguments.out = argument;
    } else {
      return wrong_usage(str_cat("There is an argument too many: '", argument, "'."));
    }
  }
  if (arguments.out.empty() || arguments.type.empty()) {
    return wrong_usage("IN, OUT and --type are needed.");
  }
  return arguments;
}

Status cannot_write(const std::string& path) {
  return {StatusCode::kIo, str_cat(path, " cannot be written: ", std::strerror(errno), ".")};
}

// A file beside `path`, which takes that name only when it is whole.
class NewFile {
 public:
  explicit NewFile(const std::string& path)
      : path_(path),
        part_(str_cat(path, ".", getpid(), ".part")),
        file_(std::fopen(part_.c_str(), "wb")) {}
  ~NewFile() {
    if (file_ != nullptr) std::fclose(file_);
    std::remove(part_.c_str());
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  Status write(std::span<const uint8_t> bytes) {
    if (file_ == nullptr) return cannot_write(part_);
    if (std::fwrite(bytes.data(), 1, bytes.size(), file_) == bytes.size()) return ok_status();
    return cannot_write(path_);
  }

  Status finish() {
    FILE* file = std::exchange(file_, nullptr);
    if (file == nullptr || std::fclose(file) != 0) return cannot_write(path_);
    return std::rename(part_.c_str(), path_.c_str()) == 0 ? ok_status() : cannot_write(path_);
  }

 private:
  std::string path_;
  std::string part_;
  FILE* file_;
};

Status check_output(const Arguments& arguments) {
  struct stat in;
  struct stat out;
  if (stat(arguments.out.c_str(), &out) != 0) return ok_status();
  if (stat(arguments.in.c_str(), &in) == 0 && in.st_ino == out.st_ino && in.st_dev == out.st_dev) {
    return {StatusCode::kInvalidArgument, "IN and OUT are the same file. Choose another OUT."};
  }
  if (arguments.force) return ok_status();
  return {StatusCode::kInvalidArgument,
          str_cat(arguments.out, " exists already. --force replaces it.")};
}

Status run(const Arguments& arguments) {
  PIPIT_RETURN_IF_ERROR(check_output(arguments));
  PIPIT_ASSIGN_OR_RETURN(const std::unique_ptr<ByteStream> in, file_stream(arguments.in));
  PIPIT_ASSIGN_OR_RETURN(
      const std::unique_ptr<Quantiser> quantiser,
      Quantiser::create(arguments.type, in->size(), std::max<size_t>(arguments.n_threads, 1)));
  NewFile out(arguments.out);
  PIPIT_ASSIGN_OR_RETURN(Array<uint8_t> part, Array<uint8_t>::make(kPartBytes));
  Array<uint8_t> converted;
  while (true) {
    PIPIT_ASSIGN_OR_RETURN(const size_t n, in->read(part.span()));
    if (n == 0) break;
    converted.clear();
    PIPIT_RETURN_IF_ERROR(quantiser->feed(part.span().first(n), converted));
    PIPIT_RETURN_IF_ERROR(out.write(converted.span()));
    if (stopped != 0) return {StatusCode::kCancelled, "Stopped; nothing was written."};
  }
  PIPIT_RETURN_IF_ERROR(quantiser->finish());
  PIPIT_RETURN_IF_ERROR(out.finish());
  for (const TensorPlan& tensor : quantiser->tensors()) {
    std::printf("%.*s: %s to %s\n", static_cast<int>(tensor.in->name.size()),
                tensor.in->name.data(), tensor_type_info(tensor.in->type)->name,
                tensor_type_info(tensor.type)->name);
  }
  return ok_status();
}

}  // namespace
}  // namespace pipit

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--help") {
    std::fputs(pipit::kUsage, stdout);
    return 0;
  }
  for (const int signal : {SIGINT, SIGTERM}) std::signal(signal, [](int) { pipit::stopped = 1; });
  const auto arguments = pipit::parse_arguments(argc, argv);
  const pipit::Status status = arguments.ok() ? pipit::run(*arguments) : arguments.status();
  if (status.ok()) return 0;
  std::fprintf(stderr, "quantize: %s\n", status.message().c_str());
  return arguments.ok() ? 1 : 2;
}
