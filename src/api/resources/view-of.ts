/**
 * A second served version of a kind. Its objects are those of the stored definition in other words, so everything but
 * the words comes from there: strategy, validation and cells see the stored form.
 */
import type { GroupVersion, KubeObject } from '../meta.ts'
import type { ResourceDef } from '../resource.ts'
import { typeNamed } from '../schema/schema.ts'

type Selectable<T extends KubeObject> = NonNullable<ResourceDef<T>['selectableFields']>

export interface View<T extends KubeObject, S extends KubeObject> extends GroupVersion {
  readonly typeName: string
  /** See `StoredForm`. */
  readonly toStorage: (object: T) => S
  readonly fromStorage: (stored: S) => T
  /** Before the stored version's own. */
  readonly applyDefaults?: (object: T) => void
  /** Where the version's fields have names of their own. Default: those of the stored version. */
  readonly selectableFields?: Selectable<T>
  readonly validate?: ResourceDef<T>['validate']
}

export const viewOf = <T extends KubeObject, S extends KubeObject>(
  stored: ResourceDef<S>,
  view: View<T, S>,
): ResourceDef<T> => {
  const { fromStorage, toStorage, validate } = view
  /** Does to the object what `change` does to its stored form. */
  const through = (object: T, change: (form: S) => void): void => {
    const form = toStorage(object)
    change(form)
    replaceFields(object, fromStorage(form))
  }
  // What takes objects takes them in the stored form; the rest is the same for both.
  const {
    applyDefaults,
    columns,
    gracePeriodSeconds,
    prepareForCreate,
    prepareForUpdate,
    schema: _schema,
    selectableFields,
    storage: _storage,
    validate: validateStored,
    warnings,
    ...shared
  } = stored
  return {
    ...shared,
    group: view.group,
    version: view.version,
    get schema() {
      return typeNamed(view.typeName)
    },
    storage: {
      group: stored.group,
      version: stored.version,
      toStorage,
      // What the store holds under this kind's key is of the stored type.
      fromStorage: (object) => fromStorage(object as unknown as S),
    },
    columns: columns.map((column) => ({
      ...column,
      value: (object, nowMs) => column.value(toStorage(object), nowMs),
    })),
    selectableFields: view.selectableFields ?? translated(selectableFields ?? {}, toStorage),
    applyDefaults: (object) => {
      view.applyDefaults?.(object)
      through(object, (form) => applyDefaults?.(form))
    },
    prepareForCreate: (object, context) => through(object, (form) => prepareForCreate?.(form, context)),
    prepareForUpdate: (object, old, context) =>
      through(object, (form) => prepareForUpdate?.(form, toStorage(old), context)),
    ...(warnings && { warnings: (object: T) => warnings(toStorage(object)) }),
    ...(gracePeriodSeconds && { gracePeriodSeconds: (object: T) => gracePeriodSeconds(toStorage(object)) }),
    validate:
      validate ??
      ((object, old, context) => validateStored?.(toStorage(object), old && toStorage(old), context) ?? []),
  }
}

const translated = <T extends KubeObject, S extends KubeObject>(
  fields: Selectable<S>,
  toStorage: (object: T) => S,
): Selectable<T> =>
  Object.fromEntries(
    Object.entries(fields).map(([name, valueOf]) => [name, (object: T) => valueOf(toStorage(object))]),
  )

const replaceFields = <T extends KubeObject>(object: T, replacement: T): void => {
  for (const key of Object.keys(object)) Reflect.deleteProperty(object, key)
  Object.assign(object, replacement)
}
