"""Test a spider on recorded pages: recording, replay, and the pytest plugin."""
