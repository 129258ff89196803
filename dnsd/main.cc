// dnsd: resolves host names for policyd. Runs as its own user in an empty chroot, sends and receives DNS packets to and
// from the configured resolvers, trusts nothing in them, and never opens a file.
#include "dnsd/dnsd.h"
#include "dnsd/sandbox.h"
#include "worker/worker.h"

int main(int argc, char** argv) {
  using namespace caronte;
  dnsd::Dnsd dnsd(worker::adopt(argc, argv, ipc::Role::dnsd));
  return dnsd.run(dnsd::sandbox_policy());
}
