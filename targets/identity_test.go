package targets

import (
	"net/netip"
	"testing"
	"time"
)

// TestIdentity: what is probed makes a target, and how often, under which labels and in which order does not.
func TestIdentity(t *testing.T) {
	base := func() *Target {
		return &Target{
			Name: "smtp.example.org:587", Kind: KindServer, Every: map[string]time.Duration{"smtp": time.Minute},
			Server: &Server{
				Host: "smtp.example.org", Port: 587, ServerName: "smtp.example.org", TLS: "starttls", Role: RoleSubmission,
				PublicAddresses: []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")},
				Credentials:     &Credentials{Username: "monitor", Password: NewSecret("correct horse"), PasswordEnv: "PW"},
			},
		}
	}
	const want = "1ab52e4b8e87621f6e47b591582d2ceb"
	if got := base().Identity(); got != want {
		t.Errorf("the identity is %s and was %s in files that are there", got, want)
	}
	for name, c := range map[string]struct {
		change func(*Target)
		same   bool
	}{
		"nothing":         {func(*Target) {}, true},
		"interval":        {func(o *Target) { o.Every["smtp"] = time.Hour }, true},
		"labels":          {func(o *Target) { o.Labels = map[string]string{"team": "mail"}; o.Source = SourceFile }, true},
		"order":           {func(o *Target) { a := o.Server.PublicAddresses; a[0], a[1] = a[1], a[0] }, true},
		"name":            {func(o *Target) { o.Name = "smtp.example.net:587" }, false},
		"foreign":         {func(o *Target) { o.Foreign = true }, false},
		"parked":          {func(o *Target) { o.Module = &Module{Parked: true} }, false},
		"tls":             {func(o *Target) { o.Server.TLS = "none" }, false},
		"public address":  {func(o *Target) { o.Server.PublicAddresses = nil }, false},
		"relay test":      {func(o *Target) { o.Server.RelayTest = &RelayTest{From: "a@example.org", To: "b@example.net"} }, false},
		"username":        {func(o *Target) { o.Server.Credentials.Username = "probe" }, false},
		"password":        {func(o *Target) { o.Server.Credentials.Password = NewSecret("battery staple") }, false},
		"no credentials":  {func(o *Target) { o.Server.Credentials = nil }, false},
		"another kind":    {func(o *Target) { o.Kind, o.Server, o.Sender = KindSender, nil, &Sender{Host: "smtp.example.org"} }, false},
		"zero is nothing": {func(o *Target) { o.Module = &Module{}; o.Labels = map[string]string{} }, true},
	} {
		o := base()
		c.change(o)
		if same := o.Identity() == want; same != c.same {
			t.Errorf("%s: the identity is the same: %v, want %v", name, same, c.same)
		}
	}
}

// TestMark: a mark is too short to find a password by, and tells most passwords apart.
func TestMark(t *testing.T) {
	marks := map[byte]int{}
	for i := range 4096 {
		marks[NewSecret(string([]byte{'p', byte(i / 256), byte(i)})).Mark()]++
	}
	if len(marks) != 256 {
		t.Errorf("%d marks of 4096 secrets", len(marks))
	}
	const lasting = 0x85
	if got := NewSecret("correct horse").Mark(); got != lasting {
		t.Errorf("the mark is %#x and was %#x in files that are there", got, lasting)
	}
}
