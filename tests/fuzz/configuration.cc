// caronte.xml and its list: a typed configuration that survives its journey to the workers, or diagnostics; and the decoder
// of the workers before octets that config-reader should never send.
#include "config/configuration.h"

#include "base/quoting.h"
#include "config/reader.h"
#include "config/sealed_memory.h"
#include "tests/fuzz/fuzz.h"

namespace caronte::fuzz {

namespace {

using namespace config;

class OneList final : public ListSource {
 public:
  explicit OneList(std::string_view content) : content_(content) {}
  base::Result<std::string> read(std::string_view path) override {
    CARONTE_EXPECT(!path.starts_with('/') && path.find("..") == std::string_view::npos);
    if (path == "missing") return base::Error{2, "no such file"};
    return content_;
  }

 private:
  std::string content_;
};

std::string encoded(const Configuration& configuration) {
  const auto sealed = encode_configuration(configuration);
  CARONTE_EXPECT(sealed.is_ok());
  const auto bytes = SealedBytes::map(sealed.value().get());
  CARONTE_EXPECT(bytes.is_ok());
  return std::string(bytes.value().view());
}

void check_decoder(std::string_view bytes) {
  const auto sealed = seal_bytes("caronte-fuzz", bytes);
  CARONTE_EXPECT(sealed.is_ok());
  const auto configuration = decode_configuration(sealed.value().get());
  if (configuration.is_ok()) CARONTE_EXPECT(encoded(configuration.value()) == bytes);
}

}  // namespace

void run_configuration(std::string_view bytes) {
  Input input(bytes);
  const unsigned bits = input.octet();
  if (bits == 0) return check_decoder(input.rest());
  const Exact xml(input.until('\0'));
  OneList lists(input.rest());
  Surroundings around{"caronte.xml", "/etc/caronte", "host.example.org", std::nullopt};
  if ((bits & 2U) != 0) around.resolv_conf = "nameserver 192.0.2.53\n";
  const ReadResult result = read_configuration(xml.view(), around, lists);
  CARONTE_EXPECT(result.diagnostics.size() <= 2 * kMaxDiagnostics);
  bool has_errors = false;
  for (const ipc::Diagnostic& diagnostic : result.diagnostics) {
    has_errors = has_errors || diagnostic.severity == ipc::Severity::error;
    CARONTE_EXPECT(!diagnostic.text.empty() && base::is_safe_line(diagnostic.text) && base::is_safe_line(diagnostic.element));
  }
  CARONTE_EXPECT(result.is_ok == !has_errors);
  if (!result.is_ok) return;
  CARONTE_EXPECT(!result.configuration.listens.empty() && !result.configuration.destination.servers.empty());
  const std::string once = encoded(result.configuration);
  const auto sealed = seal_bytes("caronte-fuzz", once);
  const auto again = decode_configuration(sealed.value().get());
  CARONTE_EXPECT(again.is_ok() && encoded(again.value()) == once);
}

}  // namespace caronte::fuzz
