package kernels

// tuned is the tuning parameters of a kernel on this device.
func (l *library) tuned(t *text) map[string]int { return t.tunes }
