// policyd: decides about sessions. Runs as its own user, chrooted into its state folder, without network; trusts master's
// configuration, checks every message of the other workers, and never reads a byte of a client.
#include "policyd/policyd.h"
#include "policyd/sandbox.h"
#include "worker/worker.h"

int main(int argc, char** argv) {
  using namespace caronte;
  policyd::Policyd policyd(worker::adopt(argc, argv, ipc::Role::policyd));
  return policyd.run(policyd::sandbox_policy());
}
