# Python's client against a cluster; argv: a kubeconfig, a pod that prints "line 1" and runs on. Ends with "fine".
import sys

from kubernetes import client, config, watch
from kubernetes.client.rest import ApiException
from kubernetes.stream import stream

config.load_kube_config(sys.argv[1])
core = client.CoreV1Api()
pod = sys.argv[2]


def refused(status, call, *args, **more):
    try:
        call(*args, **more)
    except ApiException as error:
        assert error.status == status, error
    else:
        raise AssertionError(f'{call} was not refused')


body = client.V1ConfigMap(metadata=client.V1ObjectMeta(name='python', labels={'set': 'python'}), data={'a': '1'})
created = core.create_namespaced_config_map('default', body)
assert created.metadata.creation_timestamp.tzinfo, created.metadata
refused(409, core.create_namespaced_config_map, 'default', body)

events = watch.Watch().stream(
    core.list_namespaced_config_map,
    'default',
    label_selector='set=python',
    resource_version=created.metadata.resource_version,
    timeout_seconds=30,
)
patched = core.patch_namespaced_config_map('python', 'default', {'data': {'b': '2', 'a': None}})
assert patched.data == {'b': '2'}, patched.data
core.delete_namespaced_config_map('python', 'default')
for wanted in ('MODIFIED', 'DELETED'):
    event = next(events)
    assert (event['type'], event['object'].data) == (wanted, {'b': '2'}), event
refused(404, core.read_namespaced_config_map, 'python', 'default')

apps = client.AppsV1Api()
assert apps.list_deployment_for_all_namespaces().items == []
assert [node.metadata.name for node in core.list_node(limit=1).items] == ['node-1']
assert core.read_namespaced_pod_log(pod, 'default', limit_bytes=7) == 'line 1\n'
lines = watch.Watch().stream(core.read_namespaced_pod_log, pod, 'default')
assert next(lines) == 'line 1'

answer = stream(
    core.connect_get_namespaced_pod_exec, pod, 'default', command=['sh', '-c', 'echo ahoy; exit 3'],
    stdout=True, stderr=True, stdin=False, tty=False, _preload_content=False,
)
answer.run_forever(timeout=30)
assert answer.read_stdout() == 'ahoy\n'
assert answer.returncode == 3, answer.returncode
print('fine')
