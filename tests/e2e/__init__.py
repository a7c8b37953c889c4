"""End to end on a real node: containerd, kubelet and kube-proxy under the lab's control plane, and the image in a pod.

`python -m tests.e2e` (`make e2e`) as root; everything is in namespaces of its own and ends with them.
"""
