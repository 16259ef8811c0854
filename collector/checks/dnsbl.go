package checks

// Lists knows of every blocklist in use whether it can be believed.
type Lists struct{}

// ListState is the health of one list, for dnsbl_state and dnsbl_queries_total.
type ListState struct {
	ID      string
	State   string            // The label state; "" while not tested.
	Queries map[string]uint64 // By outcome.
}

// States returns the health of every list in use, in the order of the configuration.
func (l *Lists) States() []ListState { return nil }
