// The operator's hand: `meridian check`, `explain`, `status`, `drain`, `geo`.
#include "cli/app.h"

int main(int argc, char** argv) { return cli::run(argc, argv, MERIDIAN_VERSION); }
