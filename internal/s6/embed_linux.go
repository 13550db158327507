package s6

// Notifies tells whether the service says itself when it is ready. One that
// does not never counts as ready in its Status.
func (s *Service) Notifies() bool { return s.dir.descriptor("notification-fd") >= 0 }

// KeptDown tells whether its down file keeps the service from being started.
func (s *Service) KeptDown() bool { return s.dir.exists(downFile) }

// Dir is the path that Open was given.
func (s *Service) Dir() string { return s.dir.path }
