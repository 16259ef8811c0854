//go:build integration

package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// startExim starts Exim on ports 25 and 465 of an address until the test ends.
func startExim(t *testing.T, hostname string, c certificate, address string) *program {
	t.Helper()
	dir := directory(t, "exim")
	if err := os.Chown(dir, eximUser, eximUser); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "tls.pem"), c.pem)
	write(t, filepath.Join(dir, "exim.conf"), fmt.Sprintf(`
primary_hostname = %[2]s
spool_directory = %[1]s/spool
log_file_path = %[1]s/exim-%%slog
pid_file_path = %[1]s/pid
disable_ipv6
local_interfaces = %[3]s
daemon_smtp_ports = 25 : 465
tls_on_connect_ports = 465
tls_advertise_hosts = *
tls_certificate = %[1]s/tls.pem
tls_privatekey = %[1]s/tls.pem
message_size_limit = 10M
host_lookup =
rfc1413_query_timeout = 0s
keep_environment =
begin acl
begin routers
begin transports
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_condition = false
  server_advertise_condition = ${if def:tls_in_cipher}
`, dir, hostname, address))
	e, err := startProgram(filepath.Join(dir, "log"), listening(address+":25", address+":465"),
		eximBinary, "-C", filepath.Join(dir, "exim.conf"), "-bdf")
	if err != nil {
		logged, _ := os.ReadFile(filepath.Join(dir, "exim-mainlog"))
		t.Fatalf("%v\n%s", err, logged)
	}
	t.Cleanup(func() { _ = e.stop(syscall.SIGTERM) })
	return e
}
