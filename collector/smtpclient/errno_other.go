//go:build !windows

package smtpclient

// native gives the system's own error for one of package syscall's. They are the same.
func native(err error) error { return err }
