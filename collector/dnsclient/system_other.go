//go:build !windows

package dnsclient

// systemServers gives the resolvers that the machine uses.
func systemServers() ([]string, error) { return resolvConfServers("/etc/resolv.conf") }
