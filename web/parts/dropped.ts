/** Files that a person dropped, those in dropped folders among them. */

const allOf = async (folder: FileSystemDirectoryEntry): Promise<readonly FileSystemEntry[]> => {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  // A browser gives a hundred at a time.
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return all;
    all.push(...some);
  }
};

const isFile = (entry: FileSystemEntry): entry is FileSystemFileEntry => entry.isFile;
const isFolder = (entry: FileSystemEntry): entry is FileSystemDirectoryEntry => entry.isDirectory;

async function filesIn(entry: FileSystemEntry, files: File[]): Promise<void> {
  if (isFile(entry)) {
    const file = await new Promise<File>((resolve, reject) => entry.file(resolve, reject));
    const path = entry.fullPath.replace(/^\//, "");
    // As a file that was chosen with its folder has it.
    if (path.includes("/")) Object.defineProperty(file, "webkitRelativePath", { value: path });
    files.push(file);
  } else if (isFolder(entry)) for (const inner of await allOf(entry)) await filesIn(inner, files);
}

export async function droppedFiles(data: DataTransfer | null): Promise<readonly File[]> {
  if (!data) return [];
  // All entries are taken before anything is waited for: the browser forgets them afterwards.
  const entries = [...data.items].flatMap((item) => item.webkitGetAsEntry?.() ?? []);
  if (entries.length === 0) return [...data.files];
  const files: File[] = [];
  for (const entry of entries) await filesIn(entry, files);
  return files;
}
