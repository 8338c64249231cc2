"""The Kubernetes half in a real control plane: `make test-cluster`.

``build`` compiles etcd, API server, scheduler, controller manager and kwok from the modules under ``tools/``;
``control_plane`` starts them on loopback; ``world`` applies an environment and simulates its nodes (``nodes``) and
what else runs there (``system``); the tests ask what users were promised. Nothing runs in the pods: what a container
does is the business of other tiers.
"""
