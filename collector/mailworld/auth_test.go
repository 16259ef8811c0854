package mailworld

import "testing"

// TestAccounts logs in as clients do. The octets are "\0monitor\0secret", "monitor", "secret" and "wrong" in base64.
func TestAccounts(t *testing.T) {
	const plain, user, password, wrong = "AG1vbml0b3IAc2VjcmV0", "bW9uaXRvcg==", "c2VjcmV0", "d3Jvbmc="
	const ok, no = "235 2.7.0 Authentication successful\r\n", "535 5.7.8 Authentication failed\r\n"
	w := newWorld(t)
	if err := w.Serve(mx, Server{Name: "mx.example.org", Accounts: map[string]string{"monitor": "secret"}}); err != nil {
		t.Fatal(err)
	}
	c := newClient(t, dial(t, w))
	c.want("", "220 mx.example.org ESMTP\r\n")
	c.want("AUTH PLAIN "+plain, ok)
	c.want("AUTH PLAIN", "334 \r\n")
	c.want(plain, ok)
	c.want("AUTH PLAIN "+user, no)
	c.want("AUTH LOGIN", "334 VXNlcm5hbWU6\r\n")
	c.want(user, "334 UGFzc3dvcmQ6\r\n")
	c.want(password, ok)
	c.want("AUTH LOGIN", "334 VXNlcm5hbWU6\r\n")
	c.want(user, "334 UGFzc3dvcmQ6\r\n")
	c.want(wrong, no)
	c.want("AUTH GSSAPI", "504 5.5.4 Mechanism unknown\r\n")
	c.want("QUIT", "221 2.0.0 Bye\r\n")
	c.wantEnd()
}
