// smtpd-proxy: speaks SMTP with the Internet and with the destination. Started by caronted; runs as _caronte-smtp in an
// empty folder, makes no connection and opens no file by itself.
#include "smtpd-proxy/proxy.h"
#include "smtpd-proxy/sandbox.h"

int main(int argc, char** argv) {
  using namespace caronte;
  worker::Startup startup = worker::adopt(argc, argv, ipc::Role::smtpd_proxy);
  smtpd_proxy::Proxy proxy(std::move(startup));
  return proxy.run(smtpd_proxy::sandbox_policy());
}
